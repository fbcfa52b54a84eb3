/** How far is a step's work? Bar, time left, the sheet and the losses while it runs; its end. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { ProblemError } from "../../api/problem";
import { keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { announce } from "../../ui/live";
import { percent } from "../../ui/words";
import { cancelJob, sheetAddress } from "./data";
import { shownFigures } from "./figures";
import { LossLines } from "./LossLines";
import { TITLES, isUnderWay, jobShare, jobTime } from "./steps";
import type { Project, Step } from "./types";
import { useLosses } from "./useLosses";
import styles from "./families.module.css";

export function JobCard({
  project,
  step,
  onResume,
  isResuming = false,
}: {
  readonly project: Project;
  readonly step: Step;
  /** Goes on after a cancel or failure. */
  readonly onResume?: () => void;
  readonly isResuming?: boolean;
}) {
  const client = useQueryClient();
  const { job } = step;
  const losses = useLosses(job);
  const cancel = useMutation({
    mutationFn: () => cancelJob(job?.id ?? ""),
    onSettled: () => client.invalidateQueries({ queryKey: keys.familyProject(project.id) }),
  });
  useAnnounced(step);
  if (!job) return null;

  if (job.status === "failed" || job.status === "canceled") {
    if (step.state !== "failed" && step.state !== "ready" && step.state !== "stale") return null;
    const words = job.error?.detail ?? "It failed without saying why.";
    return (
      <div className={styles.ended}>
        {job.status === "failed" ? (
          <ErrorNote
            error={new ProblemError({ code: job.error?.code ?? "", status: 422, detail: words })}
            {...(onResume && project.may_edit ? { onRetry: onResume, retryLabel: "Try again" } : {})}
          />
        ) : (
          <div className="at-spread">
            <span>
              Stopped at {percent(jobShare(job))}. What was done is kept and goes on from there.
            </span>
            {onResume && project.may_edit && (
              <button
                type="button"
                className="at-button"
                data-filled
                disabled={isResuming}
                onClick={onResume}
              >
                Go on
              </button>
            )}
          </div>
        )}
      </div>
    );
  }
  if (!isUnderWay(job)) return null;
  const share = jobShare(job);
  const sentence = job.progress?.sentence ?? (job.status === "queued" ? "" : "Beginning");
  const figures = shownFigures(job.progress?.numbers ?? {});
  return (
    <section className={styles.job} aria-label={`${TITLES[step.key]}, running`}>
      <div className={styles.jobWords}>
        <div className="at-spread">
          <strong>{sentence || "Waiting"}</strong>
          {project.may_edit && (
            <button
              type="button"
              className="at-button"
              disabled={cancel.isPending || job.status === "canceling"}
              onClick={() => cancel.mutate()}
            >
              Cancel
            </button>
          )}
        </div>
        <div
          className="at-progress"
          role="progressbar"
          aria-label={TITLES[step.key]}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(100 * share)}
          aria-valuetext={`${percent(share)}, ${jobTime(job)}`}
        >
          <span style={{ width: `${100 * share}%` }} />
        </div>
        <div className="at-spread">
          <span>{percent(share)}</span>
          <span className="at-hint">{jobTime(job)}</span>
        </div>
        {cancel.error && <ErrorNote error={cancel.error} />}
        {figures.length > 0 && (
          <dl className={styles.figures}>
            {figures.map(({ name, title, words }) => (
              <div key={name}>
                <dt>{title}</dt>
                <dd>{words}</dd>
              </div>
            ))}
          </dl>
        )}
        <LossLines points={losses} />
        <p className="at-hint">
          By {job.owner.name}. You may leave this page; the work goes on and is resumed after a
          restart.
        </p>
      </div>
      {typeof job.progress?.sheet === "number" && (
        <img
          className={styles.sheet}
          src={sheetAddress(project.id, job.progress.sheet)}
          alt="Samples as they are now"
        />
      )}
    </section>
  );
}

/** Says quarters and the end to screen readers, and nothing in between. */
function useAnnounced({ key, job }: Step): void {
  const last = useRef("");
  const quarter = job && isUnderWay(job) ? Math.floor(jobShare(job) * 4) : null;
  const told = job ? `${job.id} ${job.status === "running" ? quarter : job.status}` : "";
  useEffect(() => {
    const isFirst = last.current === "";
    if (told === last.current) return;
    last.current = told;
    if (isFirst || !told || !job) return;
    const words = { succeeded: "finished", failed: "failed", canceled: "stopped" }[
      job.status as string
    ];
    if (words) announce(`${TITLES[key]}: ${words}.`);
    else if (quarter) announce(`${TITLES[key]}: ${quarter * 25} percent.`);
  }, [told, key, job, quarter]);
}
