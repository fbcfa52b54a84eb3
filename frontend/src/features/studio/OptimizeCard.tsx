/** What will an optimization change, how far is it, and what came of it? */

import { useState } from "react";

import { Avatar } from "../../ui/Avatar";
import { timeLeft, waitingWords } from "../../ui/words";
import { Segments } from "../../ui/Segments";
import { useStudio, useStudioState } from "./context";
import { Icon } from "./icons";
import { LossPlot } from "./LossPlot";
import { type RunningJob, isRunning } from "./state";
import { titleOf } from "./titles";
import { firstName } from "./words";

const STEPS = [30, 60, 100].map((value) => ({ value: String(value), label: String(value) }));
const VERBS: Readonly<Record<string, string>> = {
  optimize: "Optimize",
  refine: "Refine",
  render: "Keep",
  invert: "Understanding your picture",
};
const STEPS_BEFORE_TIME = 5;

export function OptimizeCard({
  onSaveVector,
  onFind,
}: {
  onSaveVector: (revisionId: string) => void;
  /** Opens the search by painting; absent where it is open. */
  onFind?: () => void;
}) {
  const [job, hasEdit] = useStudioState((state) => [state.job, state.edit !== null]);
  return (
    <section className="st-card" aria-label="Optimize" data-region tabIndex={-1}>
      {job ? <Run job={job} /> : <Plan onSaveVector={onSaveVector} />}
      {hasEdit && onFind && (
        <button type="button" className="at-button" aria-keyshortcuts="P" onClick={onFind}>
          <Icon name="search" size={16} /> Find vectors that do this
        </button>
      )}
    </section>
  );
}

/** The edited parts by name, in the order of the list. */
function usePartNames(): string {
  const { parts } = useStudio();
  const edit = useStudioState((state) => state.edit);
  if (!edit) return "";
  return parts
    .filter(({ id }) => edit.parts.includes(id))
    .map(({ title }) => title)
    .join(", ");
}

function Plan({ onSaveVector }: { onSaveVector: (revisionId: string) => void }) {
  const { session, revisions, parts } = useStudio();
  const [steps, edit, mayEdit] = useStudioState((s) => [s.steps, s.edit, s.mayEdit]);
  const names = usePartNames();
  const head = revisions.find(({ is_head }) => is_head);
  const isLearned = head?.kind === "optimize" && !edit;
  return (
    <>
      <div className="at-spread st-plan-head">
        <h2>Optimize</h2>
        {edit && (
          <span className="at-hint">
            {edit.numChanged} {edit.numChanged === 1 ? "pixel" : "pixels"} painted
          </span>
        )}
      </div>
      {isLearned ? (
        <div className="st-offer">
          <p>
            <Icon name="check" size={16} /> Kept: <strong>{titleOf(head, parts)}</strong>
          </p>
          <button
            type="button"
            className="at-button"
            data-filled
            onClick={() => onSaveVector(head.id)}
          >
            Save as edit vector
          </button>
        </div>
      ) : (
        <p className="st-plan">
          {edit ? (
            <>
              Will change: <strong>{names}</strong>
            </>
          ) : (
            "Paint a part, then optimize. The picture follows."
          )}
        </p>
      )}
      <div className="at-spread st-plan-steps">
        <span className="st-label">Steps</span>
        <Segments
          label="Steps"
          options={STEPS}
          value={String(steps)}
          onChange={(value) => session.setSteps(Number(value))}
        />
      </div>
      <button
        type="button"
        className="at-button st-main"
        data-filled={edit ? true : undefined}
        disabled={!mayEdit}
        aria-keyshortcuts="Control+Enter"
        onClick={() => void session.optimize()}
      >
        Optimize
      </button>
    </>
  );
}

function Run({ job }: { job: RunningJob }) {
  const { session } = useStudio();
  const [people, userId] = useStudioState((state) => [state.people, state.userId]);
  const names = usePartNames();
  const owner = people.find(({ user_id }) => user_id === job.ownerId);
  const isOwn = job.ownerId === userId;
  const isWaiting = job.step === 0 && ["queued", "leased"].includes(job.status);
  const by = isOwn ? "by you" : owner ? `by ${firstName(owner.name)}` : "";
  return (
    <>
      <div className="at-spread">
        <h2>{VERBS[job.kind] ?? job.kind}</h2>
        <span className="at-row at-hint">
          {!isOwn && owner && <Avatar person={owner} size={20} />} {by}
        </span>
      </div>
      <p className="st-label">{sentence(job, names, isOwn ? null : (owner?.name ?? null))}</p>
      {job.status === "failed" ? (
        <Failure job={job} />
      ) : (
        <>
          <div
            className="st-progress"
            role="progressbar"
            aria-label="Progress"
            aria-valuemin={0}
            aria-valuemax={job.numSteps || 1}
            aria-valuenow={job.step}
            aria-valuetext={`${job.step} of ${job.numSteps} steps`}
          >
            <span style={{ width: `${job.numSteps ? (100 * job.step) / job.numSteps : 0}%` }} />
          </div>
          {isWaiting ? (
            <p className="st-waiting">
              <span className="st-hollow" />
              {waitingWords(job.placeInQueue)}
            </p>
          ) : (
            <p className="at-spread st-steps">
              <strong>
                {job.step} of {job.numSteps} steps
              </strong>
              <span className="at-hint">
                {isRunning(job) && job.secondsLeft !== null && job.step >= STEPS_BEFORE_TIME
                  ? timeLeft(job.secondsLeft)
                  : ""}
              </span>
            </p>
          )}
          {job.kind !== "render" && <LossPlot losses={job.losses} numSteps={job.numSteps} />}
          {isRunning(job) && (
            <button
              type="button"
              className="at-button st-cancel"
              disabled={job.status === "canceling"}
              aria-keyshortcuts="Escape"
              onClick={() => void session.cancelRun()}
            >
              Cancel <kbd className="at-kbd" aria-hidden="true">Esc</kbd>
            </button>
          )}
        </>
      )}
    </>
  );
}

function sentence(job: RunningJob, names: string, otherName: string | null): string {
  if (job.status === "canceling") return "Stopping after this step";
  if (job.status === "canceled") return "Canceled. Your strokes are still here.";
  if (job.status === "succeeded") return "Done";
  if (otherName) return `${firstName(otherName)} is working on this picture. You can keep painting.`;
  if (job.kind === "optimize") return `${names || "The picture"} follows your painting`;
  if (job.kind === "refine") return "Repairing what the vectors blurred";
  if (job.kind === "invert") return "Finding the picture that comes closest";
  return "Rendering in full precision";
}

function Failure({ job }: { job: RunningJob }) {
  const { session } = useStudio();
  const [isCopied, setCopied] = useState(false);
  return (
    <div className="st-failure">
      <p>
        <Icon name="warn" size={16} /> {job.error ?? "The run failed."}
      </p>
      <div className="at-row">
        <button
          type="button"
          className="at-button"
          onClick={() => {
            session.dismissJob();
            if (job.kind === "optimize") void session.optimize();
          }}
        >
          {job.kind === "optimize" ? "Try again" : "Close"}
        </button>
        <button
          type="button"
          className="at-link"
          onClick={() => void navigator.clipboard.writeText(job.id).then(() => setCopied(true))}
        >
          {isCopied ? "Copied" : `Copy reference ${job.id.slice(0, 8)}`}
        </button>
      </div>
    </div>
  );
}
