/** What happened in the team lately: who, what, which picture; grouped by hour. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import type { Activity } from "../../api/client";
import { activityQuery } from "../../api/queries";
import { Avatar } from "../../ui/Avatar";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconHistory, IconWarning } from "../../ui/icons";
import { useNow } from "../../ui/useNow";
import { when } from "../../ui/words";
import { addressOf, byHour, sentence } from "./entries";
import styles from "./activity.module.css";

export default function ActivityPage() {
  const { data, error, refetch, isPending } = useQuery(activityQuery);
  const now = useNow();
  const groups = byHour(data ?? [], now);
  return (
    <div className="at-column">
      <h1>Activity</h1>
      {error && !data && (
        <div style={{ marginTop: 20 }}>
          <ErrorNote error={error} onRetry={() => void refetch()} />
        </div>
      )}
      {isPending && !error && <div className="at-ghost" style={{ height: 320, marginTop: 20 }} />}
      {data?.length === 0 && (
        <div style={{ marginTop: 20 }}>
          <EmptyState
            icon={<IconHistory size={26} />}
            action={
              <Link className="at-button" data-filled data-size="main" to="/pictures">
                Open a picture
              </Link>
            }
          >
            Nothing happened yet. What you and your team paint, keep and save shows here.
          </EmptyState>
        </div>
      )}
      {groups.map((group) => (
        <section key={group.heading} className={styles.hour}>
          <h2>{group.heading}</h2>
          <ul>
            {group.entries.map((entry) => (
              <Entry key={`${entry.kind}${entry.id}`} entry={entry} now={now} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function Entry({ entry, now }: { readonly entry: Activity; readonly now: Date }) {
  const address = addressOf(entry);
  const words = (
    <>
      <Avatar person={entry.person} size={30} isNamed />
      <span className={styles.words}>
        <span>
          <strong>{entry.person.name}</strong> {sentence(entry)}
          {entry.image_name ? (
            <>
              {" "}
              · <span className={styles.on}>{entry.image_name}</span>
            </>
          ) : null}
        </span>
        <span className="at-hint">{when(entry.at, now)}</span>
      </span>
      {entry.status === "failed" && (
        <IconWarning size={16} className={styles.failed} label="Failed" />
      )}
      {entry.thumbnail_url && (
        <img src={entry.thumbnail_url} alt="" width={48} height={48} loading="lazy" />
      )}
    </>
  );
  return (
    <li>
      {address ? (
        <Link to={address} className={styles.entry}>
          {words}
        </Link>
      ) : (
        <div className={styles.entry}>{words}</div>
      )}
    </li>
  );
}
