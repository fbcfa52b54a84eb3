/** The albums that vectors were applied to, newest first. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { albumRunsQuery } from "../../api/queries";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconPicture } from "../../ui/icons";
import { useNow } from "../../ui/useNow";
import { counted, when } from "../../ui/words";
import { versionsQuery } from "../studio/data";
import { runShare, runWords } from "./uses";
import styles from "./albums.module.css";

const MOST_TITLES = 64; // as many versions as one question may name

export default function RunsPage() {
  const { data, error, refetch, isPending } = useQuery(albumRunsQuery);
  const now = useNow();
  const ids = [
    ...new Set(data?.flatMap((run) => run.stack.map((use) => use.edit_vector_version_id)) ?? []),
  ];
  const vectors = useQuery(versionsQuery(ids.slice(0, MOST_TITLES).sort()));
  const titleOf = (id: string) => vectors.data?.find(({ version }) => version.id === id)?.title;
  return (
    <div className={styles.page}>
      <nav className={styles.crumbs} aria-label="Where you are">
        <Link to="/library">Library</Link> / <span aria-current="page">Albums</span>
      </nav>
      <h1>Albums</h1>
      {error && !data && <ErrorNote error={error} onRetry={() => void refetch()} />}
      {isPending && !error && <div className="at-ghost" style={{ height: 240 }} />}
      {data?.length === 0 && (
        <EmptyState
          icon={<IconPicture size={26} />}
          action={
            <Link className="at-button" data-filled data-size="main" to="/library">
              Open the library
            </Link>
          }
        >
          Nothing was applied to an album yet. Try a vector on your picture, then apply it to many.
        </EmptyState>
      )}
      <ul className={styles.runs}>
        {data?.map((run) => {
          const titles = run.stack.map((use) => titleOf(use.edit_vector_version_id));
          const named = titles.filter((title) => title !== undefined).join(", ");
          return (
            <li key={run.id}>
              <Link to={`/album-runs/${run.id}`}>
                <strong className="at-ellipsis">{named || counted(titles.length, "vector")}</strong>
                <span className="at-hint">
                  {run.owner.name}, {when(run.created_at, now)}
                </span>
              </Link>
              <span>{runWords(run)}</span>
              <span className="at-progress" aria-hidden>
                <span style={{ width: `${100 * runShare(run)}%` }} />
              </span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
