/** Who works here: the members of the team, in order of joining. */

import { useQuery } from "@tanstack/react-query";

import { sessionQuery, teamQuery } from "../../api/queries";
import { Avatar } from "../../ui/Avatar";
import { ErrorNote } from "../../ui/ErrorNote";
import { counted, titled } from "../../ui/words";
import styles from "../account/account.module.css";

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
  return (
    <div className="at-column">
      <h1>{team?.name ?? "Team"}</h1>
      <section className={styles.section}>
        <h2>People</h2>
        {!team && <div className="at-ghost" style={{ height: 120 }} />}
        {team && (
          <>
            <ul>
              {team.members.map((member) => (
                <li key={member.id} className={styles.person}>
                  <Avatar person={member} size={36} isNamed />
                  <div>
                    <strong>
                      {member.name}
                      {member.id === session?.user?.id ? " (you)" : ""}
                    </strong>
                    <div className="at-hint at-ellipsis">{member.email}</div>
                  </div>
                  <span className="at-chip">{titled(member.role)}</span>
                </li>
              ))}
            </ul>
            <p className="at-field-note">
              {counted(team.members.length, "person", "people")} see all pictures and vectors of{" "}
              {team.name}.
            </p>
          </>
        )}
      </section>
    </div>
  );
}
