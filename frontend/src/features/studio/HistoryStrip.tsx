/** What was this picture before? Every revision, newest first. */

import { Link } from "react-router";

import type { Revision } from "../../api/client";
import { useStudio, useStudioState } from "./context";
import { Icon, type IconName } from "./icons";
import { useNow } from "../../ui/useNow";
import { shortWhen } from "../../ui/words";
import { isRunning } from "./state";
import { titleOf } from "./titles";
import { firstName } from "./words";

const KIND_ICONS: Readonly<Record<Revision["kind"], IconName>> = {
  sample: "spark",
  invert: "upload",
  optimize: "pencil",
  refine: "check",
  render: "vector",
  restore: "restore",
};

export function HistoryStrip() {
  const { image, revisions } = useStudio();
  return (
    <section className="st-history" aria-label="History" data-region tabIndex={-1}>
      <div className="st-history-head">
        <h2>History</h2>
        <p className="at-hint">
          {revisions.length} {revisions.length === 1 ? "revision" : "revisions"}
        </p>
        <Link className="at-button" data-size="small" to={`/pictures/${image.id}/history`}>
          <Icon name="tree" size={16} /> Open tree
        </Link>
      </div>
      <ol className="st-history-list">
        <RunTile />
        {revisions.map((revision) => (
          <Tile key={revision.id} revision={revision} />
        ))}
      </ol>
    </section>
  );
}

function RunTile() {
  const { image } = useStudio();
  const job = useStudioState((state) => state.job);
  if (!isRunning(job)) return null;
  const title = { optimize: "Optimizing", refine: "Refining", render: "Keeping" }[job.kind];
  return (
    <li className="st-tile" data-now>
      <span className="st-tile-picture">
        {image.thumbnail_url && <img src={image.thumbnail_url} alt="" width={64} height={64} />}
        <span className="st-tile-kind">
          <span className="st-dot" />
        </span>
      </span>
      <span className="st-tile-words">
        <span className="at-ellipsis">{title ?? "Understanding"}</span>
        <span className="at-hint">
          {job.step} / {job.numSteps}
        </span>
      </span>
    </li>
  );
}

function Tile({ revision }: { revision: Revision }) {
  const { session, parts } = useStudio();
  const [comparedId, isBusy] = useStudioState((s) => [s.comparedId, isRunning(s.job)]);
  const now = useNow();
  const title = titleOf(revision, parts);
  const isCompared = comparedId === revision.id;
  return (
    <li>
      <button
        type="button"
        className="st-tile"
        data-now={(revision.is_head && !isBusy) || undefined}
        data-compared={isCompared || undefined}
        aria-pressed={isCompared}
        aria-label={`${title}, ${revision.author.name}, ${shortWhen(revision.created_at, now)}${
          revision.is_head ? ", the present picture" : ""
        }. Compare.`}
        onClick={() => session.compareWith(isCompared ? null : revision.id)}
      >
        <span className="st-tile-picture">
          <img src={revision.thumbnail_url} alt="" width={64} height={64} loading="lazy" />
          <span className="st-tile-kind">
            <Icon name={revision.starred ? "star" : KIND_ICONS[revision.kind]} size={14} />
          </span>
        </span>
        <span className="st-tile-words">
          <span className="at-ellipsis">{title}</span>
          <span className="at-hint">
            {firstName(revision.author.name)} · {shortWhen(revision.created_at, now)}
          </span>
        </span>
      </button>
    </li>
  );
}
