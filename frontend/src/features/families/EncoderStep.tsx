/** Step 6: an encoder, and how close the family comes to pictures of people's own. */

import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ProblemError } from "../../api/problem";
import { keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { IconUpload } from "../../ui/icons";
import { trainEncoder, tryPicture, tryQuery } from "./data";
import { shownFigures } from "./figures";
import { JobCard } from "./JobCard";
import type { StepProps } from "./ProjectPage";
import { Reconstructions } from "./Reconstructions";
import { isUnderWay } from "./steps";
import type { Project } from "./types";
import { useStepJob } from "./useStepJob";
import styles from "./families.module.css";

const USUAL_MINUTES = 10;

export function EncoderStep({ project, step }: StepProps) {
  const [minutes, setMinutes] = useState(String(USUAL_MINUTES));
  const train = useStepJob(project, () =>
    trainEncoder(project.id, Number(minutes) || USUAL_MINUTES),
  );
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
        <form
          className={styles.inline}
          onSubmit={(event) => {
            event.preventDefault();
            if (!train.isPending) train.mutate();
          }}
        >
          <Field
            label="Minutes of training"
            type="number"
            min={0.1}
            max={600}
            step="any"
            value={minutes}
            onChange={(event) => setMinutes(event.currentTarget.value)}
          />
          <button
            type="submit"
            className="at-button"
            data-filled={step.state !== "done" || undefined}
            data-size="main"
            disabled={train.isPending}
          >
            {project.encoder ? "Train again" : "Train the encoder"}
          </button>
        </form>
      )}
      {project.encoder && (
        <>
          {Object.keys(project.encoder.figures).length > 0 && (
            <dl className={styles.figures}>
              {shownFigures(project.encoder.figures).map(({ name, title, words }) => (
                <div key={name}>
                  <dt>{title}</dt>
                  <dd>{words}</dd>
                </div>
              ))}
            </dl>
          )}
          <Tries project={project} />
          {project.encoder.reconstructions.length > 0 && (
            <section className={styles.section}>
              <h3>Redrawn so far</h3>
              <Reconstructions items={project.encoder.reconstructions} />
            </section>
          )}
        </>
      )}
    </>
  );
}

/** A picture of one's own, redrawn by the family as it is now. */
function Tries({ project }: { readonly project: Project }) {
  const field = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  const [tryId, setTryId] = useState<string | null>(null);
  const send = useMutation({
    mutationFn: (file: File) => tryPicture(project.id, file),
    onSuccess: (begun) => {
      client.setQueryData(keys.familyTry(begun.id), begun);
      setTryId(begun.id);
    },
  });
  const { data: shown } = useQuery({ ...tryQuery(tryId ?? ""), enabled: tryId !== null });
  return (
    <section className={styles.section}>
      <div className={styles.sectionHead}>
        <div>
          <h3>Try a picture of your own</h3>
          <p className="at-hint">
            It can redraw a picture only as one of its family. The error says how far it is off.
          </p>
        </div>
        {project.may_edit && (
          <button
            type="button"
            className="at-button"
            disabled={send.isPending || shown?.state === "waiting"}
            onClick={() => field.current?.click()}
          >
            <IconUpload size={16} /> Choose a picture
          </button>
        )}
      </div>
      <input
        ref={field}
        type="file"
        accept="image/png,image/jpeg,image/webp"
        aria-label="Picture to try"
        hidden
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) send.mutate(file);
        }}
      />
      {send.error && <ErrorNote error={send.error} />}
      {shown?.state === "failed" && (
        <ErrorNote error={new ProblemError({ code: "try", status: 422, detail: shown.why })} />
      )}
      {shown && shown.state !== "failed" && (
        <div className={styles.tried} aria-live="polite">
          <figure>
            <img src={shown.original_url} alt="Your picture" />
            <figcaption>Yours</figcaption>
          </figure>
          <figure>
            {shown.reconstruction_url ? (
              <img src={shown.reconstruction_url} alt="Redrawn by the family" />
            ) : (
              <span className={styles.waiting}>Redrawing</span>
            )}
            <figcaption>
              Redrawn{shown.error === null ? "" : `, error ${shown.error.toFixed(3)}`}
            </figcaption>
          </figure>
          {shown.label_map_url && (
            <figure>
              <img src={shown.label_map_url} alt="Its labels" className={styles.crisp} />
              <figcaption>Its labels</figcaption>
            </figure>
          )}
        </div>
      )}
    </section>
  );
}
