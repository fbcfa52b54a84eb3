/** Who changed what in the team, for its owners: read here, or taken along as a file. */

import { useInfiniteQuery } from "@tanstack/react-query";

import { auditQuery } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { useNow } from "../../ui/useNow";
import { when } from "../../ui/words";
import styles from "../account/account.module.css";
import { auditWords } from "./audit";

export function AuditLog({ teamId }: { readonly teamId: string }) {
  const now = useNow();
  const log = useInfiniteQuery(auditQuery(teamId));
  const events = log.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className={styles.section}>
      <h2>Log</h2>
      {log.error && <ErrorNote error={log.error} />}
      <table className={styles.log}>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <tr key={event.id}>
              <td>
                <time dateTime={event.at} title={event.at}>
                  {when(event.at, now)}
                </time>
              </td>
              <td>
                <strong>{event.actor?.name ?? "Atelier"}</strong> {auditWords(event)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className={styles.buttons}>
        {log.hasNextPage && (
          <button
            type="button"
            className="at-button"
            disabled={log.isFetchingNextPage}
            onClick={() => void log.fetchNextPage()}
          >
            Older
          </button>
        )}
        <a className="at-button" href={`/api/teams/${teamId}/audit/export?form=csv`} download>
          Export as CSV
        </a>
        <a className="at-button" href={`/api/teams/${teamId}/audit/export?form=jsonl`} download>
          Export as JSON lines
        </a>
      </div>
    </section>
  );
}
