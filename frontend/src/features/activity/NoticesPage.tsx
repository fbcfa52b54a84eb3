/** What the library told this person; looking at the page makes it read. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link } from "react-router";

import { api, take } from "../../api/client";
import { keys, noticesQuery } from "../../api/queries";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconBell } from "../../ui/icons";
import { useNow } from "../../ui/useNow";
import { when } from "../../ui/words";
import styles from "../account/account.module.css";

export default function NoticesPage() {
  const client = useQueryClient();
  const now = useNow();
  const { data, error, refetch } = useQuery(noticesQuery);
  const { mutate: read } = useMutation({ mutationFn: () => take(api.POST("/api/notices/read")) });
  const numUnread = data?.num_unread ?? 0;
  useEffect(() => {
    if (numUnread > 0) read();
  }, [numUnread, read]);
  // What was new keeps its mark while the page is open; elsewhere it counts as read.
  useEffect(() => () => void client.invalidateQueries({ queryKey: keys.notices }), [client]);
  return (
    <div className="at-column">
      <h1>Notices</h1>
      <section className={styles.section}>
        <h2 className="at-hidden">What you were told</h2>
        {error && <ErrorNote error={error} onRetry={() => void refetch()} />}
        {data?.items.length === 0 && (
          <EmptyState icon={<IconBell size={28} />}>
            Nothing yet. You hear here of forks, new versions, and what becomes of what you publish.
          </EmptyState>
        )}
        <ul className={styles.rows}>
          {data?.items.map((notice) => (
            <li key={notice.id}>
              <div>
                <Link to={`/library/${notice.edit_vector_id}`} className={styles.notice}>
                  {!notice.is_read && <span className={styles.dot} aria-label="New" />}
                  {notice.text}
                </Link>
                <div className="at-hint">{when(notice.created_at, now)}</div>
              </div>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}
