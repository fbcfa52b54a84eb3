/** Step 2: what the generator draws, and which 16 are worth a person's time. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { asProblem } from "../../api/problem";
import { keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconCheck } from "../../ui/icons";
import { announce, toast } from "../../ui/live";
import { count } from "../../ui/words";
import { changeSample, drawSamples, inOrder, samplesQuery } from "./data";
import { JobCard } from "./JobCard";
import type { StepProps } from "./ProjectPage";
import { isUnderWay } from "./steps";
import type { Sample } from "./types";
import { useStepJob } from "./useStepJob";
import styles from "./families.module.css";

export function SampleStep({ project, step }: StepProps) {
  const draw = useStepJob(project, () => drawSamples(project.id));
  const samples = useQuery({
    ...samplesQuery(project.id, "all"),
    enabled: project.num_samples > 0,
  });
  const [shown, setShown] = useState<Sample | null>(null);
  const client = useQueryClient();
  const choose = useMutation({
    mutationFn: (sample: Sample) => changeSample(sample.id, { is_chosen: !sample.is_chosen }),
    onSuccess: (changed) => {
      client.setQueryData<Sample[]>(keys.familySamples(project.id, "all"), (known) =>
        known?.map((one) => (one.id === changed.id ? changed : one)),
      );
      setShown((one) => (one?.id === changed.id ? changed : one));
      void client.invalidateQueries({ queryKey: keys.familyProject(project.id) });
      void client.invalidateQueries({ queryKey: keys.familySamples(project.id, "chosen") });
      announce(changed.is_chosen ? "Chosen for labelling." : "Not labelled.");
    },
    onError: (error) => toast(asProblem(error).message),
  });
  const all = samples.data ?? [];
  const chosen = inOrder(all.filter(({ is_chosen }) => is_chosen));
  const isRunning = isUnderWay(step.job);
  return (
    <>
      <JobCard
        project={project}
        step={step}
        onResume={() => draw.mutate()}
        isResuming={draw.isPending}
      />
      {draw.error && <ErrorNote error={draw.error} />}
      {project.may_edit &&
        !isRunning &&
        project.num_samples === 0 &&
        step.state === "ready" &&
        step.job?.status !== "canceled" && (
          <button
            type="button"
            className="at-button"
            data-filled
            data-size="main"
            disabled={draw.isPending}
            onClick={() => draw.mutate()}
          >
            Draw 200 pictures
          </button>
        )}
      {samples.error && !samples.data && (
        <ErrorNote error={samples.error} onRetry={() => void samples.refetch()} />
      )}
      {all.length > 0 && (
        <>
          <div className={styles.section}>
            <div className="at-spread">
              <h3>{count(chosen.length)} to label, and why</h3>
              <span className="at-hint">Press a picture below to choose it too.</span>
            </div>
            <ul className={styles.reasons}>
              {chosen.map((sample) => (
                <li key={sample.id}>
                  <img src={sample.picture_url} alt={`Sample ${sample.number}`} loading="lazy" />
                  <div>
                    <strong>{sample.number}</strong>
                    <p className="at-hint">{sample.reason || "Chosen by your team."}</p>
                    {project.may_edit && (
                      <button
                        type="button"
                        className="at-link"
                        aria-label={`Leave out sample ${sample.number}`}
                        disabled={choose.isPending}
                        onClick={() => choose.mutate(sample)}
                      >
                        Leave out
                      </button>
                    )}
                  </div>
                </li>
              ))}
            </ul>
          </div>
          <div className={styles.section}>
            <h3>All {count(all.length)}</h3>
            <ul className={styles.dense} aria-label="All samples">
              {all.map((sample) => (
                <li key={sample.id}>
                  <button
                    type="button"
                    aria-pressed={sample.is_chosen}
                    aria-label={`Sample ${sample.number}`}
                    title={sample.reason || `Sample ${sample.number}`}
                    disabled={!project.may_edit}
                    onPointerEnter={() => setShown(sample)}
                    onFocus={() => setShown(sample)}
                    onPointerLeave={() => setShown(null)}
                    onBlur={() => setShown(null)}
                    onClick={() => choose.mutate(sample)}
                  >
                    <img src={sample.thumbnail_url} alt="" loading="lazy" />
                    {sample.is_chosen && (
                      <span className={styles.tick} aria-hidden>
                        <IconCheck size={11} />
                      </span>
                    )}
                  </button>
                </li>
              ))}
            </ul>
            {shown && (
              <div className={styles.peek} aria-hidden>
                <img src={shown.picture_url} alt="" />
                <span>Sample {shown.number}</span>
              </div>
            )}
          </div>
        </>
      )}
    </>
  );
}
