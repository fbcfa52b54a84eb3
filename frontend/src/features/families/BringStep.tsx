/** Step 1: a finished generator, or one trained here from a zip of pictures. */

import { type DragEvent, useRef, useState } from "react";

import { ErrorNote } from "../../ui/ErrorNote";
import { Field } from "../../ui/Field";
import { IconUpload, IconWarning } from "../../ui/icons";
import { count, counted, fileSize } from "../../ui/words";
import { sendWhole } from "./chunks";
import { type BringOptions, beginUpload, bring, readUpload, sendChunk } from "./data";
import { JobCard } from "./JobCard";
import type { StepProps } from "./ProjectPage";
import { isUnderWay } from "./steps";
import type { Project } from "./types";
import { useStepJob } from "./useStepJob";
import styles from "./families.module.css";

const ACCEPTED = ".pkl,.pt,.pth,.safetensors,.zip";
const SIZES = [16, 32, 64, 128, 256] as const;
const USUAL_SIZE = 64;
const USUAL_MINUTES = 60;

export function BringStep({ project, step }: StepProps) {
  const [isAnother, setAnother] = useState(false);
  const resume = useStepJob(project, () =>
    bring(project.id, {
      upload_id: null,
      license: project.license,
      resolution: USUAL_SIZE,
      minutes: USUAL_MINUTES,
    }),
  );
  const isRunning = isUnderWay(step.job);
  const mayBring = project.may_edit && !isRunning;
  return (
    <>
      <JobCard
        project={project}
        step={step}
        onResume={() => resume.mutate()}
        isResuming={resume.isPending}
      />
      {resume.error && <ErrorNote error={resume.error} />}
      {project.generator && <GeneratorFacts project={project} />}
      {mayBring &&
        (project.generator && !isAnother ? (
          <button type="button" className="at-button" onClick={() => setAnother(true)}>
            Bring another generator
          </button>
        ) : (
          <BringForm project={project} onDone={() => setAnother(false)} />
        ))}
    </>
  );
}

const kindOf = (file: File) =>
  file.name.toLowerCase().endsWith(".zip") ? ("pictures" as const) : ("checkpoint" as const);

function BringForm({
  project,
  onDone,
}: {
  readonly project: Project;
  readonly onDone: () => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<File | null>(null);
  const [isOver, setOver] = useState(false);
  const [license, setLicense] = useState(project.license);
  const [resolution, setResolution] = useState<(typeof SIZES)[number]>(USUAL_SIZE);
  const [minutes, setMinutes] = useState(String(USUAL_MINUTES));
  const [bytes, setBytes] = useState<number | null>(null);
  const stop = useRef<AbortController | null>(null);
  const start = useStepJob(
    project,
    async (chosen: File) => {
      stop.current = new AbortController();
      const kind = kindOf(chosen);
      const upload = await sendWhole(
        chosen,
        await beginUpload(project.id, chosen, kind),
        {
          readUpload,
          sendChunk,
          wait: (ms) => new Promise((resolve) => window.setTimeout(resolve, ms)),
        },
        stop.current.signal,
        setBytes,
      );
      const options: BringOptions = {
        upload_id: upload.id,
        license: license.trim(),
        resolution,
        minutes: Number(minutes) || USUAL_MINUTES,
      };
      return bring(project.id, options);
    },
    onDone,
  );
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const [first] = event.dataTransfer.files;
    if (first && !start.isPending) setFile(first);
  };
  const share = file && bytes !== null ? bytes / Math.max(1, file.size) : null;
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (file && !start.isPending) start.mutate(file);
      }}
    >
      <input
        ref={field}
        type="file"
        accept={ACCEPTED}
        aria-label="Checkpoint or zip of pictures"
        hidden
        onChange={(event) => {
          const chosen = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (!chosen) return;
          start.reset();
          setFile(chosen);
        }}
      />
      <button
        type="button"
        className={styles.dropZone}
        data-over={isOver || undefined}
        disabled={start.isPending}
        onClick={() => field.current?.click()}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <IconUpload size={26} />
        {file ? (
          <>
            <strong className="at-ellipsis">{file.name}</strong>
            <span className="at-hint">
              {fileSize(file.size)} ·{" "}
              {kindOf(file) === "pictures" ? "a generator is trained from it" : "a generator"}
            </span>
          </>
        ) : (
          <>
            <strong>Drop a checkpoint or a zip of pictures</strong>
            <span className="at-hint">
              StyleGAN2 from NVIDIA (.pkl), rosinality, pSp, e4e or ReStyle (.pt), 16 to 1024
              pixels; or a .zip of PNG and JPEG, best 1,000 or more. Nothing in the file is run.
            </span>
          </>
        )}
      </button>
      {file && (
        <>
          <Field
            label="Licence of the file"
            placeholder="CC-BY-4.0, or what its makers say"
            value={license}
            maxLength={80}
            disabled={start.isPending}
            onChange={(event) => setLicense(event.currentTarget.value)}
          />
          {kindOf(file) === "pictures" && (
            <div className={styles.pairOfFields}>
              <div>
                <label className="at-label" htmlFor="resolution">
                  Size of its pictures
                </label>
                <select
                  id="resolution"
                  className="at-field"
                  value={resolution}
                  onChange={(event) =>
                    setResolution(Number(event.currentTarget.value) as (typeof SIZES)[number])
                  }
                >
                  {SIZES.map((size) => (
                    <option key={size} value={size}>
                      {size} × {size} pixels
                    </option>
                  ))}
                </select>
              </div>
              <Field
                label="Minutes of training"
                type="number"
                min={0.1}
                max={1440}
                step="any"
                value={minutes}
                note="It can be stopped and gone on with."
                onChange={(event) => setMinutes(event.currentTarget.value)}
              />
            </div>
          )}
          {start.isPending && share !== null && (
            <div>
              <div
                className="at-progress"
                role="progressbar"
                aria-label="Sent"
                aria-valuemin={0}
                aria-valuemax={100}
                aria-valuenow={Math.round(100 * share)}
              >
                <span style={{ width: `${100 * share}%` }} />
              </div>
              <span className="at-hint">
                {fileSize(bytes ?? 0)} of {fileSize(file.size)} sent. If this stops, choose the file
                again: it goes on from here.
              </span>
            </div>
          )}
          {start.error && !stop.current?.signal.aborted && <ErrorNote error={start.error} />}
          <div className={styles.buttons}>
            <button
              type="submit"
              className="at-button"
              data-filled
              data-size="main"
              disabled={start.isPending}
            >
              {kindOf(file) === "pictures" ? "Train a generator" : "Import the generator"}
            </button>
            {start.isPending && (
              <button
                type="button"
                className="at-button"
                data-size="main"
                onClick={() => stop.current?.abort()}
              >
                Stop sending
              </button>
            )}
          </div>
        </>
      )}
    </form>
  );
}

function GeneratorFacts({ project }: { readonly project: Project }) {
  const { generator } = project;
  if (!generator) return null;
  const { skipped, num_skipped, warnings } = generator;
  return (
    <div className={styles.panel}>
      <h3 className="at-ellipsis">{generator.file_name}</h3>
      <dl className={styles.facts}>
        <div>
          <dt>From</dt>
          <dd>
            {generator.source === "checkpoint"
              ? "an imported checkpoint"
              : "pictures, trained here"}
          </dd>
        </div>
        <div>
          <dt>Pictures</dt>
          <dd>
            {count(generator.resolution)} × {count(generator.resolution)} pixels
          </dd>
        </div>
        <div>
          <dt>Code</dt>
          <dd>
            {generator.num_layers} layers of {generator.w_dim}
          </dd>
        </div>
        <div>
          <dt>Licence</dt>
          <dd>{project.license || "not stated"}</dd>
        </div>
        <div>
          <dt>Fingerprint</dt>
          <dd>
            <code>{generator.fingerprint.slice(0, 16)}</code>
          </dd>
        </div>
      </dl>
      {warnings.map((words) => (
        <p key={words} className="at-warn-note">
          <IconWarning size={16} /> {words}
        </p>
      ))}
      {skipped.length > 0 && (
        <details className={styles.skipped}>
          <summary>{counted(num_skipped, "file")} skipped</summary>
          <ul>
            {skipped.map(({ name, reason }) => (
              <li key={name}>
                <strong>{name}</strong> {reason}
              </li>
            ))}
            {num_skipped > skipped.length && (
              <li>and {count(num_skipped - skipped.length)} more</li>
            )}
          </ul>
        </details>
      )}
    </div>
  );
}
