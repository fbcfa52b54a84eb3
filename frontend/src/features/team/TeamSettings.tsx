/** What is done rarely: rename, found another team, leave, hand over. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";

import { api, take, type Team } from "../../api/client";
import { keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { toast } from "../../ui/live";
import { useForm } from "../account/useForm";
import styles from "../account/account.module.css";

export function TeamSettings({ team, ownId }: { readonly team: Team; readonly ownId: number }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [heir, setHeir] = useState("");
  const path = { params: { path: { team_id: team.id } } };
  const isOwner = team.role === "owner";
  const others = team.members.filter((member) => member.id !== ownId);

  const rename = useForm(async ({ name = "" }) => {
    client.setQueryData(
      keys.team,
      await take(api.PATCH("/api/teams/{team_id}", { ...path, body: { name } })),
    );
    await client.invalidateQueries({ queryKey: keys.session });
    toast("The team has a new name.");
  });
  const found = useForm(
    async ({ name = "" }) => {
      await take(api.POST("/api/teams", { body: { name } }));
      await client.invalidateQueries();
      toast(`You work in ${name} now. The menu behind your picture leads back.`);
    },
    (form) => form.reset(),
  );
  const handOver = useMutation({
    mutationFn: (userId: number) =>
      take(api.POST("/api/teams/{team_id}/hand-over", { ...path, body: { user_id: userId } })),
    onSuccess: async () => {
      setHeir("");
      toast("The team is handed over. You are an editor now.");
      await client.invalidateQueries();
    },
  });
  const leave = useMutation({
    mutationFn: () =>
      take(
        api.DELETE("/api/teams/{team_id}/members/{user_id}", {
          params: { path: { team_id: team.id, user_id: ownId } },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries();
      await navigate("/pictures");
      toast(`You left ${team.name}.`);
    },
  });
  return (
    <>
      <section className={styles.section}>
        <h2>Teams</h2>
        {isOwner && (
          <form className={styles.line} onSubmit={rename.onSubmit}>
            <Field
              key={team.name}
              label="Name of this team"
              name="name"
              defaultValue={team.name}
              required
              maxLength={80}
            />
            <button type="submit" className="at-button" disabled={rename.sending.isPending}>
              Rename
            </button>
          </form>
        )}
        {rename.sending.error && <ErrorNote error={rename.sending.error} />}
        <form className={styles.line} style={{ marginTop: 14 }} onSubmit={found.onSubmit}>
          <Field label="Found another team" name="name" required maxLength={80} />
          <button type="submit" className="at-button" disabled={found.sending.isPending}>
            Found
          </button>
        </form>
        {found.sending.error && <ErrorNote error={found.sending.error} />}
      </section>
      <section className={styles.section}>
        <h2>Leave, hand over</h2>
        {isOwner && others.length > 0 && (
          <div className={styles.line}>
            <label>
              <span className="at-label">Hand {team.name} over to</span>
              <select
                className="at-field"
                value={heir}
                onChange={(event) => setHeir(event.currentTarget.value)}
              >
                <option value="">Choose somebody</option>
                {others.map((member) => (
                  <option key={member.id} value={member.id}>
                    {member.name}
                  </option>
                ))}
              </select>
            </label>
            <button
              type="button"
              className="at-button"
              data-danger
              disabled={heir === "" || handOver.isPending}
              onClick={() => handOver.mutate(Number(heir))}
            >
              Hand over team
            </button>
          </div>
        )}
        {handOver.error && <ErrorNote error={handOver.error} />}
        <div className={styles.buttons}>
          <button
            type="button"
            className="at-button"
            data-danger
            disabled={leave.isPending}
            onClick={() => leave.mutate()}
          >
            Leave {team.name}
          </button>
        </div>
        {leave.error && <ErrorNote error={leave.error} />}
      </section>
    </>
  );
}
