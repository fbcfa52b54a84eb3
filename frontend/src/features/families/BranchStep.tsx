/** Step 5: train on the labels, then look at what it makes of the rest, the worst first. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";

import { asProblem } from "../../api/problem";
import { keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { HeatLegend } from "../../ui/HeatLegend";
import { IconCheck } from "../../ui/icons";
import { toast } from "../../ui/live";
import { Segments } from "../../ui/Segments";
import { counted } from "../../ui/words";
import { changeSample, samplesQuery, trainBranch } from "./data";
import { shownFigures } from "./figures";
import { JobCard } from "./JobCard";
import type { StepProps } from "./ProjectPage";
import { isUnderWay } from "./steps";
import type { Project, Sample } from "./types";
import { useStepJob } from "./useStepJob";
import styles from "./families.module.css";

const LOOKS = [
  { value: "labels", label: "Labels" },
  { value: "doubt", label: "Uncertainty" },
  { value: "picture", label: "Picture" },
] as const;
type Look = (typeof LOOKS)[number]["value"];
const PAGE = 40;

export function BranchStep({ project, step }: StepProps) {
  const train = useStepJob(project, () => trainBranch(project.id));
  const isRunning = isUnderWay(step.job);
  const isStopped = step.job?.status === "canceled" && step.state !== "done";
  return (
    <>
      <JobCard
        project={project}
        step={step}
        onResume={() => train.mutate()}
        isResuming={train.isPending}
      />
      {train.error && <ErrorNote error={train.error} />}
      {project.may_edit && !isRunning && !isStopped && (
        <div className={styles.buttons}>
          <button
            type="button"
            className="at-button"
            data-filled={step.state !== "done" || undefined}
            data-size="main"
            disabled={train.isPending}
            onClick={() => train.mutate()}
          >
            {project.branch ? "Train again" : `Train on ${counted(project.num_labeled, "picture")}`}
          </button>
        </div>
      )}
      {project.branch && <Figures project={project} />}
      {project.branch && <Predictions project={project} />}
    </>
  );
}

/** How well it does on labelled pictures it was not trained on: in all, and by part. */
function Figures({ project }: { readonly project: Project }) {
  const { branch } = project;
  if (!branch) return null;
  const titleOf = (name: string) => project.parts.find((part) => part.name === name)?.title;
  const isPart = (name: string) => titleOf(name.replace(/^iou[_. ]/, "")) !== undefined;
  const entries = Object.entries(branch.figures);
  const parts = entries
    .filter(([name]) => isPart(name))
    .map(([name, value]) => ({ title: titleOf(name.replace(/^iou[_. ]/, "")) ?? name, value }))
    .sort((a, b) => a.value - b.value);
  return (
    <div className={styles.panel}>
      <div className="at-spread">
        <h3>Measured on pictures left out of the training</h3>
        <span className="at-hint">{counted(branch.num_labels, "labelled picture")}</span>
      </div>
      <dl className={styles.figures}>
        {shownFigures(Object.fromEntries(entries.filter(([name]) => !isPart(name)))).map(
          ({ name, title, words }) => (
            <div key={name}>
              <dt>{title}</dt>
              <dd>{words}</dd>
            </div>
          ),
        )}
      </dl>
      {branch.explanation && <p className="at-hint">{branch.explanation}</p>}
      {parts.length > 0 && (
        <ul className={styles.bars} aria-label="Overlap by part, worst first">
          {parts.map(({ title, value }) => (
            <li key={title}>
              <span className="at-ellipsis">{title}</span>
              <span className={styles.bar} aria-hidden>
                <i style={{ width: `${100 * Math.max(0, Math.min(1, value))}%` }} />
              </span>
              <span>{value.toFixed(2)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Predictions({ project }: { readonly project: Project }) {
  const samples = useQuery(samplesQuery(project.id, "predicted"));
  const [look, setLook] = useState<Look>("labels");
  const [most, setMost] = useState(PAGE);
  const client = useQueryClient();
  const navigate = useNavigate();
  const fix = useMutation({
    mutationFn: async (sample: Sample) =>
      sample.is_chosen ? sample : changeSample(sample.id, { is_chosen: true }),
    onSuccess: async (sample) => {
      void client.invalidateQueries({ queryKey: keys.familySamples(project.id, "chosen") });
      const start = sample.label ? "" : "?from=prediction";
      await navigate(`/families/${project.id}/samples/${sample.id}${start}`);
    },
    onError: (error) => toast(asProblem(error).message),
  });
  const all = samples.data ?? [];
  if (samples.error && !samples.data) {
    return <ErrorNote error={samples.error} onRetry={() => void samples.refetch()} />;
  }
  if (all.length === 0) return null;
  return (
    <section className={styles.section} aria-labelledby="predictions">
      <div className={styles.sectionHead}>
        <div>
          <h3 id="predictions">What it makes of pictures nobody labelled</h3>
          <p className="at-hint">
            Those it doubts most first: there its members disagree. Fix a few and train again.
          </p>
        </div>
        <div className={styles.looks}>
          {look === "doubt" && <HeatLegend />}
          <Segments label="Show" value={look} options={LOOKS} onChange={setLook} />
        </div>
      </div>
      <ul className={styles.predictions}>
        {all.slice(0, most).map((sample) => (
          <li key={sample.id}>
            <span className={styles.layers} data-look={look}>
              <img src={sample.picture_url} alt={`Sample ${sample.number}`} loading="lazy" />
              {sample.prediction && look !== "picture" && (
                <img
                  className={look === "labels" ? styles.overlay : styles.doubt}
                  src={
                    look === "labels"
                      ? sample.prediction.label_map_url
                      : sample.prediction.uncertainty_url
                  }
                  alt={look === "labels" ? "Labels it gives" : "Where it is uncertain"}
                  loading="lazy"
                />
              )}
            </span>
            <span className="at-spread">
              <span className="at-hint" title={sample.prediction?.remark}>
                {sample.number} · doubt {(sample.prediction?.uncertainty ?? 0).toFixed(2)}
              </span>
              {sampleDone(sample) ? (
                <span className={styles.fixed}>
                  <IconCheck size={13} /> Labelled
                </span>
              ) : (
                project.may_edit && (
                  <button
                    type="button"
                    className="at-link"
                    aria-label={`Fix sample ${sample.number}`}
                    disabled={fix.isPending}
                    onClick={() => fix.mutate(sample)}
                  >
                    Fix this one
                  </button>
                )
              )}
            </span>
          </li>
        ))}
      </ul>
      {all.length > most && (
        <button type="button" className="at-button" onClick={() => setMost(most + PAGE)}>
          Show {Math.min(PAGE, all.length - most)} more
        </button>
      )}
    </section>
  );
}

const sampleDone = ({ label }: Sample) => label?.is_done === true;
