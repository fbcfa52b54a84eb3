/** The team: who works here, who is invited, what is shared, how much is used, what happened. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { api, take, type Member, type Role, type Team } from "../../api/client";
import { keys, sessionQuery, teamQuery } from "../../api/queries";
import { Avatar } from "../../ui/Avatar";
import { ErrorNote } from "../../ui/ErrorNote";
import { toast } from "../../ui/live";
import { counted } from "../../ui/words";
import styles from "../account/account.module.css";
import { AuditLog } from "./AuditLog";
import { Invitations } from "./Invitations";
import { Quotas } from "./Quotas";
import { ROLES, roleLabel } from "./roles";
import { TeamShares } from "./TeamShares";
import { TeamSettings } from "./TeamSettings";
import { Webhooks } from "./Webhooks";

export default function TeamPage() {
  const { data: team, error, refetch } = useQuery(teamQuery);
  const { data: session } = useQuery(sessionQuery);
  if (error && !team) {
    return (
      <div className="at-column">
        <h1>Team</h1>
        <section className={styles.section}>
          <ErrorNote error={error} onRetry={() => void refetch()} />
        </section>
      </div>
    );
  }
  const isOwner = team?.role === "owner";
  return (
    <div className="at-column">
      <h1>{team?.name ?? "Team"}</h1>
      <section className={styles.section}>
        <h2>People</h2>
        {!team && <div className="at-ghost" style={{ height: 120 }} />}
        {team && <Members team={team} ownId={session?.user?.id ?? null} />}
      </section>
      {team && isOwner && <Invitations team={team} />}
      {team && team.role !== "viewer" && <TeamShares teamId={team.id} />}
      {team && <Quotas teamId={team.id} />}
      {team && isOwner && <Webhooks teamId={team.id} />}
      {team && isOwner && <AuditLog teamId={team.id} />}
      {team && session?.user && <TeamSettings team={team} ownId={session.user.id} />}
    </div>
  );
}

function Members({ team, ownId }: { readonly team: Team; readonly ownId: number | null }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const isOwner = team.role === "owner";
  const path = (member: Member) => ({
    params: { path: { team_id: team.id, user_id: member.id } },
  });
  const change = useMutation({
    mutationFn: ({ member, role }: { member: Member; role: Role }) =>
      take(
        api.PATCH("/api/teams/{team_id}/members/{user_id}", { ...path(member), body: { role } }),
      ),
    onSuccess: async (changed, { member, role }) => {
      client.setQueryData(keys.team, changed);
      toast(`${member.name} is ${roleLabel(role).toLowerCase()} now.`);
      if (member.id === ownId) await client.invalidateQueries();
    },
  });
  const remove = useMutation({
    mutationFn: (member: Member) =>
      take(api.DELETE("/api/teams/{team_id}/members/{user_id}", path(member))),
    onSuccess: async (_, member) => {
      toast(`${member.name} does not belong to ${team.name} any more.`);
      await client.invalidateQueries({ queryKey: keys.team });
      if (member.id === ownId) await navigate("/pictures");
    },
  });
  return (
    <>
      <ul className={styles.rows}>
        {team.members.map((member) => (
          <li key={member.id}>
            <div className={styles.person}>
              <Avatar person={member} size={36} isNamed />
              <div>
                <strong>
                  {member.name}
                  {member.id === ownId ? " (you)" : ""}
                </strong>
                <div className="at-hint at-ellipsis">{member.email}</div>
              </div>
            </div>
            {isOwner ? (
              <>
                <select
                  className={`at-field ${styles.role}`}
                  aria-label={`Role of ${member.name}`}
                  value={member.role}
                  disabled={change.isPending}
                  onChange={(event) =>
                    change.mutate({ member, role: event.currentTarget.value as Role })
                  }
                >
                  {ROLES.map(({ value, label }) => (
                    <option key={value} value={value}>
                      {label}
                    </option>
                  ))}
                </select>
                <button
                  type="button"
                  className="at-button"
                  data-size="small"
                  data-danger
                  data-own={member.id === ownId || undefined}
                  disabled={remove.isPending}
                  onClick={() => remove.mutate(member)}
                >
                  Remove
                </button>
              </>
            ) : (
              <span className="at-chip">{roleLabel(member.role)}</span>
            )}
          </li>
        ))}
      </ul>
      {change.error && <ErrorNote error={change.error} />}
      {remove.error && <ErrorNote error={remove.error} />}
      <p className="at-field-note">
        {counted(team.members.length, "person sees", "people see")} all pictures and vectors of{" "}
        {team.name}. Owners run the team, editors change things, viewers look.
      </p>
    </>
  );
}
