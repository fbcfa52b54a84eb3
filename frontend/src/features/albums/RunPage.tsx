/** How far is a stack on an album? Every picture with its state, and another try for failures. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "react-router";

import { type RunPicture, api, take } from "../../api/client";
import { asProblem } from "../../api/problem";
import { albumRunQuery, keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconCheck, IconWarning } from "../../ui/icons";
import { toast } from "../../ui/live";
import { useNow } from "../../ui/useNow";
import { when } from "../../ui/words";
import { versionsQuery } from "../studio/data";
import { StackList } from "./StackList";
import { runShare, runWords } from "./uses";
import styles from "./albums.module.css";

export default function RunPage() {
  const { runId = "" } = useParams();
  const client = useQueryClient();
  const now = useNow();
  const { data, error, refetch } = useQuery(albumRunQuery(runId));
  const uses = data?.run.stack ?? [];
  const vectors = useQuery(versionsQuery(uses.map((use) => use.edit_vector_version_id).sort()));
  const params = { path: { run_id: runId } };
  const change = useMutation({
    mutationFn: (what: "retry" | "cancel") =>
      take(
        what === "retry"
          ? api.POST("/api/album-runs/{run_id}/retry", { params })
          : api.POST("/api/album-runs/{run_id}/cancel", { params }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.albumRun(runId) }),
    onError: (problem) => toast(asProblem(problem).message),
  });
  if (error && !data) {
    return (
      <div className={styles.page}>
        <ErrorNote error={error} onRetry={() => void refetch()} />
      </div>
    );
  }
  if (!data) {
    return (
      <div className={styles.page}>
        <div className="at-ghost" style={{ height: 420 }} />
      </div>
    );
  }
  const { run, pictures } = data;
  const toRetry = run.num_failed + run.num_canceled;
  return (
    <div className={styles.page}>
      <nav className={styles.crumbs} aria-label="Where you are">
        <Link to="/library">Library</Link> / <Link to="/album-runs">Albums</Link> /{" "}
        <span aria-current="page">{when(run.created_at, now)}</span>
      </nav>
      <h1>Applied to an album</h1>
      <p className="at-hint">
        By {run.owner.name}, {when(run.created_at, now)}. You may leave this page; the work goes on.
      </p>
      <StackList uses={uses} vectors={vectors.data ?? []} />
      <div className={styles.progress}>
        <div className="at-spread">
          <strong aria-live="polite">{runWords(run)}</strong>
          <span className={styles.buttons}>
            {toRetry > 0 && (
              <button
                type="button"
                className="at-button"
                data-filled={run.is_over || undefined}
                disabled={change.isPending}
                onClick={() => change.mutate("retry")}
              >
                Retry the {toRetry}
              </button>
            )}
            {!run.is_over && (
              <button
                type="button"
                className="at-button"
                disabled={change.isPending}
                onClick={() => change.mutate("cancel")}
              >
                Stop what has not begun
              </button>
            )}
          </span>
        </div>
        <div
          className="at-progress"
          role="progressbar"
          aria-label="Pictures worked through"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(100 * runShare(run))}
          aria-valuetext={runWords(run)}
        >
          <span style={{ width: `${100 * runShare(run)}%` }} />
        </div>
      </div>
      <ul className={styles.grid}>
        {pictures.map((picture) => (
          <li key={picture.image_id}>
            <Tile picture={picture} />
          </li>
        ))}
      </ul>
    </div>
  );
}

const STATES: Readonly<Record<RunPicture["state"], string>> = {
  waiting: "Waiting",
  running: "Working",
  done: "Done",
  failed: "Failed",
  canceled: "Stopped",
};

function Tile({ picture }: { readonly picture: RunPicture }) {
  const { state } = picture;
  return (
    <Link className={styles.tile} data-state={state} to={`/pictures/${picture.image_id}`}>
      <img src={picture.after_url ?? picture.before_url} alt="" loading="lazy" />
      <span className={styles.state}>
        {state === "done" && <IconCheck size={13} />}
        {state === "failed" && <IconWarning size={13} />}
        {STATES[state]}
      </span>
      <span className="at-ellipsis">{picture.name}</span>
      {state === "failed" && picture.refusal && (
        <span className={styles.refusal}>{picture.refusal}</span>
      )}
    </Link>
  );
}
