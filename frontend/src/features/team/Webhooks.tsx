/** Addresses of programs that are told of events; each message is signed. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { api, take } from "../../api/client";
import { keys, webhooksQuery } from "../../api/queries";
import { CopyField } from "../../ui/CopyField";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { toast } from "../../ui/live";
import styles from "../account/account.module.css";

const EVENTS = [
  { value: "image.added", label: "a picture was added" },
  { value: "revision.added", label: "a revision was added" },
  { value: "vector.listed", label: "a vector was listed" },
  { value: "vector.unlisted", label: "a vector went to holders of its address" },
  { value: "vector.withdrawn", label: "a vector was withdrawn" },
  { value: "vector.removed", label: "a moderator removed a vector" },
] as const;
type EventName = (typeof EVENTS)[number]["value"];

export function Webhooks({ teamId }: { readonly teamId: string }) {
  const client = useQueryClient();
  const { data, error } = useQuery(webhooksQuery(teamId));
  const [isAdding, setAdding] = useState(false);
  const again = () => client.invalidateQueries({ queryKey: keys.webhooks(teamId) });
  const path = (id: string) => ({ params: { path: { webhook_id: id } } });
  const add = useMutation({
    mutationFn: (wish: { url: string; events: EventName[] }) =>
      take(
        api.POST("/api/teams/{team_id}/webhooks", {
          params: { path: { team_id: teamId } },
          body: wish,
        }),
      ),
    onSuccess: async () => {
      setAdding(false);
      await again();
    },
  });
  const remove = useMutation({
    mutationFn: (id: string) => take(api.DELETE("/api/webhooks/{webhook_id}", path(id))),
    onSuccess: again,
  });
  const change = useMutation({
    mutationFn: ({ id, isActive }: { id: string; isActive: boolean }) =>
      take(api.PATCH("/api/webhooks/{webhook_id}", { ...path(id), body: { is_active: isActive } })),
    onSuccess: again,
  });
  const tryOut = useMutation({
    mutationFn: (id: string) => take(api.POST("/api/webhooks/{webhook_id}/test", path(id))),
    onSuccess: () => toast("A test message is on its way."),
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    add.mutate({
      url: String(form.get("url")).trim(),
      events: form.getAll("events").map((value) => String(value) as EventName),
    });
  };
  return (
    <section className={styles.section}>
      <h2>Webhooks</h2>
      <p className={styles.note}>
        Programs hear of events at an https address. Each message is signed with a key, by the
        Standard Webhooks rules, and sent again until it is taken.
      </p>
      {[error, remove.error, change.error, tryOut.error].map(
        (one, at) => one && <ErrorNote key={at} error={one} />,
      )}
      {add.data && (
        <div className={styles.fresh} role="status">
          <strong>Copy the key now: it is not shown again.</strong>
          <CopyField label="The key of the new webhook" value={add.data.key} />
        </div>
      )}
      <ul className={styles.rows}>
        {data?.map((hook) => (
          <li key={hook.id}>
            <div>
              <strong className={styles.address}>{hook.url}</strong>
              <div className="at-hint">
                {hook.is_active ? "" : "Off · "}
                {hook.events.join(", ")}
              </div>
            </div>
            <button
              type="button"
              className="at-button"
              data-size="small"
              disabled={!hook.is_active || tryOut.isPending}
              onClick={() => tryOut.mutate(hook.id)}
            >
              Try
            </button>
            <button
              type="button"
              className="at-button"
              data-size="small"
              disabled={change.isPending}
              onClick={() => change.mutate({ id: hook.id, isActive: !hook.is_active })}
            >
              {hook.is_active ? "Switch off" : "Switch on"}
            </button>
            <button
              type="button"
              className="at-button"
              data-size="small"
              data-danger
              disabled={remove.isPending}
              onClick={() => remove.mutate(hook.id)}
            >
              Remove
            </button>
          </li>
        ))}
      </ul>
      {isAdding ? (
        <form className={styles.narrow} onSubmit={onSubmit}>
          <Field
            label="Address"
            name="url"
            type="url"
            placeholder="https://"
            required
            maxLength={500}
            autoFocus
          />
          <fieldset className={styles.scopes}>
            <legend className="at-label">Told when</legend>
            {EVENTS.map(({ value, label }) => (
              <label key={value}>
                <input type="checkbox" name="events" value={value} />
                <span>{label}</span>
              </label>
            ))}
          </fieldset>
          {add.error && <ErrorNote error={add.error} />}
          <div className="at-row">
            <button type="submit" className="at-button" data-filled disabled={add.isPending}>
              Add
            </button>
            <button type="button" className="at-button" data-quiet onClick={() => setAdding(false)}>
              Cancel
            </button>
          </div>
        </form>
      ) : (
        <div className={styles.buttons}>
          <button type="button" className="at-button" onClick={() => setAdding(true)}>
            Add a webhook
          </button>
        </div>
      )}
    </section>
  );
}
