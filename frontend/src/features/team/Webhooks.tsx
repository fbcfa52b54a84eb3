/** Addresses of programs that are told of events; each message is signed. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, take } from "../../api/client";
import { keys, webhooksQuery } from "../../api/queries";
import { Field } from "../../ui/Field";
import { toast } from "../../ui/live";
import { MadeHere, MadeRow, RowButton, TickList } from "../account/MadeHere";
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
  const onForm = (form: FormData) =>
    add.mutate({
      url: String(form.get("url")).trim(),
      events: form.getAll("events").map((value) => String(value) as EventName),
    });
  return (
    <MadeHere
      title="Webhooks"
      note="Programs hear of events at an https address. Each message is signed with a key, by the Standard Webhooks rules, and sent again until it is taken."
      errors={[error, remove.error, change.error, tryOut.error]}
      secret={
        add.data
          ? {
              call: "Copy the key now: it is not shown again.",
              label: "The key of the new webhook",
              value: add.data.key,
            }
          : null
      }
      making={{
        isOpen: isAdding,
        onOpen: setAdding,
        open: "Add a webhook",
        send: "Add",
        fields: <WebhookFields />,
        onForm,
        isPending: add.isPending,
        error: add.error,
      }}
    >
      {data?.map((hook) => (
        <MadeRow
          key={hook.id}
          title={<strong className={styles.address}>{hook.url}</strong>}
          facts={`${hook.is_active ? "" : "Off · "}${hook.events.join(", ")}`}
        >
          <RowButton
            disabled={!hook.is_active || tryOut.isPending}
            onClick={() => tryOut.mutate(hook.id)}
          >
            Try
          </RowButton>
          <RowButton
            disabled={change.isPending}
            onClick={() => change.mutate({ id: hook.id, isActive: !hook.is_active })}
          >
            {hook.is_active ? "Switch off" : "Switch on"}
          </RowButton>
          <RowButton isDanger disabled={remove.isPending} onClick={() => remove.mutate(hook.id)}>
            Remove
          </RowButton>
        </MadeRow>
      ))}
    </MadeHere>
  );
}

function WebhookFields() {
  return (
    <>
      <Field
        label="Address"
        name="url"
        type="url"
        placeholder="https://"
        required
        maxLength={500}
        autoFocus
      />
      <TickList legend="Told when" name="events" options={EVENTS} />
    </>
  );
}
