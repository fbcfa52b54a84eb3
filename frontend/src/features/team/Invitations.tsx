/** Inviting: by mail to one address, or by a link for whoever has it; and taking it back. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { api, take, type Role, type Team } from "../../api/client";
import { invitationsQuery, keys } from "../../api/queries";
import { CopyField } from "../../ui/CopyField";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { toast } from "../../ui/live";
import { counted } from "../../ui/words";
import styles from "../account/account.module.css";
import { day } from "./day";
import { ROLES, roleLabel } from "./roles";

export function Invitations({ team }: { readonly team: Team }) {
  const client = useQueryClient();
  const { data, error } = useQuery(invitationsQuery(team.id));
  const [shown, setShown] = useState<string | null>(null);
  const again = () => client.invalidateQueries({ queryKey: keys.invitations(team.id) });
  const invite = useMutation({
    mutationFn: (wish: { email: string | null; role: Role; days: number }) =>
      take(
        api.POST("/api/teams/{team_id}/invitations", {
          params: { path: { team_id: team.id } },
          body: wish,
        }),
      ),
    onSuccess: async (made) => {
      if (made.email) toast(`A mail to ${made.email} is on its way.`);
      setShown(made.id);
      await again();
    },
  });
  const revoke = useMutation({
    mutationFn: (id: string) =>
      take(
        api.DELETE("/api/invitations/{invitation_id}", {
          params: { path: { invitation_id: id } },
        }),
      ),
    onSuccess: again,
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = new FormData(form);
    const email = String(fields.get("email") ?? "").trim();
    invite.mutate(
      {
        email: email === "" ? null : email,
        role: String(fields.get("role")) as Role,
        days: Number(fields.get("days")),
      },
      { onSuccess: () => form.reset() },
    );
  };
  return (
    <section className={styles.section}>
      <h2>Invitations</h2>
      <form className={styles.line} onSubmit={onSubmit}>
        <Field label="Mail address, or empty for a link" name="email" type="email" />
        <label>
          <span className="at-label">As</span>
          <select name="role" className="at-field" defaultValue="editor">
            {ROLES.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span className="at-label">Good for</span>
          <select name="days" className="at-field" defaultValue="14">
            <option value="1">a day</option>
            <option value="7">7 days</option>
            <option value="14">14 days</option>
            <option value="90">90 days</option>
          </select>
        </label>
        <button type="submit" className="at-button" data-filled disabled={invite.isPending}>
          Invite
        </button>
      </form>
      {invite.error && <ErrorNote error={invite.error} />}
      {revoke.error && <ErrorNote error={revoke.error} />}
      {error && <ErrorNote error={error} />}
      <ul className={styles.rows}>
        {data?.map((one) => (
          <li key={one.id}>
            <div>
              <strong>{one.email ?? "Whoever has the link"}</strong>
              <div className="at-hint">
                {roleLabel(one.role)} · until {day(one.expires_at)} ·{" "}
                {one.email
                  ? one.mailed_at
                    ? "mail sent"
                    : "mail on its way"
                  : `used ${counted(one.num_uses, "time")}`}
              </div>
              {shown === one.id && <CopyField label="The link" value={one.url} />}
            </div>
            {shown !== one.id && (
              <button
                type="button"
                className="at-button"
                data-size="small"
                onClick={() => setShown(one.id)}
              >
                Show link
              </button>
            )}
            <button
              type="button"
              className="at-button"
              data-size="small"
              data-danger
              disabled={revoke.isPending}
              onClick={() => revoke.mutate(one.id)}
            >
              Take back
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
