/**
 * How close is the reconstruction to what was uploaded? Original, reconstruction and what is
 * missing side by side, the error on a line with the usual range. Also shown while the search
 * runs, and when Atelier has never seen such a picture.
 */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { type Family, type Image, type Inversion, api, newKey, take } from "../../api/client";
import { familiesQuery, imageQuery, keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { HeatLegend } from "../../ui/HeatLegend";
import { IconWarning } from "../../ui/icons";
import { progressWords, waitingWords } from "../../ui/words";
import { errorLine, moreStepsWords } from "./errorLine";
import { ACCEPTED } from "./file";
import { chooseFile, knownFile, startUpload } from "./uploads";
import { useInversion } from "./useInversion";
import styles from "./closeLook.module.css";

const MORE_STEPS = 200;
const RESIDUAL_GAIN = 3;

export function CloseLook({
  imageId,
  onEdit,
  editLabel = "Open in studio",
}: {
  readonly imageId: string;
  /** The person wants to go on with the picture as it is. */
  readonly onEdit: () => void;
  readonly editLabel?: string;
}) {
  const { data: image, error, refetch } = useQuery(imageQuery(imageId));
  const { data: families } = useQuery(familiesQuery);
  if (error && !image) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  if (!image) return <div className="at-ghost" style={{ height: 480 }} />;
  const family = families?.find((one) => one.name === image.bundle);
  return (
    <Look key={image.id} image={image} family={family} onEdit={onEdit} editLabel={editLabel} />
  );
}

function Look({
  image,
  family,
  onEdit,
  editLabel,
}: {
  readonly image: Image;
  readonly family: Family | undefined;
  readonly onEdit: () => void;
  readonly editLabel: string;
}) {
  const client = useQueryClient();
  const [started, setStarted] = useState<{ jobId: string; before: number | null } | null>(null);
  const jobId = image.job_id ?? started?.jobId ?? null;
  const run = useInversion(image.id, jobId);
  const isRunning = image.job_id !== null || image.status === "inverting";
  const inversion = isRunning ? null : image.inversion;

  const search = useMutation({
    mutationFn: (steps: number) =>
      take(
        api.POST("/api/images/{image_id}/invert", {
          params: { path: { image_id: image.id }, header: { "Idempotency-Key": newKey() } },
          body: { steps },
        }),
      ),
    onSuccess: (job) => {
      setStarted({ jobId: job.id, before: image.inversion?.error ?? null });
      void client.invalidateQueries({ queryKey: keys.images });
    },
  });

  if (!image.original_url) {
    return (
      <p className={styles.text}>
        This is a sample that Atelier made itself, so there is no upload to compare it with.
      </p>
    );
  }
  const hasFailed = image.status === "failed" && !isRunning;
  const unusual = inversion?.is_unusual ?? false;
  const residual = inversion?.residual_url ?? null;
  const kind = family?.family ?? "pictures";
  const known = family?.team_id
    ? `pictures like those of ${family.title}`
    : `${kind} drawn in this style`;
  const size = family ? `${family.resolution} × ${family.resolution}` : "";
  return (
    <div className={styles.look}>
      <header>
        <h1 className={styles.title}>
          {(unusual || hasFailed) && <IconWarning size={20} className={styles.warn} />}
          {titleOf({ isRunning, hasFailed, unusual, known })}
        </h1>
        <p className={styles.text}>
          {textOf({ isRunning, hasFailed, unusual, problem: run.problem })}
        </p>
      </header>
      <div className={styles.three}>
        <Panel title="Your picture" caption="Cropped square">
          <img src={image.original_url} alt="Your picture" />
        </Panel>
        <Panel
          title="What Atelier understood"
          caption={
            isRunning && run.numSteps
              ? `${size}${size ? ", " : ""}step ${run.step} of ${run.numSteps}`
              : size
          }
        >
          {isRunning ? (
            run.frameUrl && <img src={run.frameUrl} alt="The reconstruction so far" />
          ) : (
            <Reconstruction image={image} />
          )}
        </Panel>
        <Panel
          title="What it missed"
          aside={<HeatLegend gain={RESIDUAL_GAIN} />}
          caption={residual ? "Bright is where the two differ most." : ""}
        >
          {residual && (
            <img src={residual} alt="Difference between your picture and the reconstruction" />
          )}
        </Panel>
      </div>
      {isRunning && (
        <div className={`at-card ${styles.line}`}>
          <div className={styles.scale}>
            <div className="at-spread">
              <strong>Looking for your picture</strong>
              <span className="at-hint">
                {run.numSteps
                  ? progressWords(run.step, run.numSteps, run.secondsLeft)
                  : waitingWords(run.place)}
              </span>
            </div>
            <div
              className="at-progress"
              role="progressbar"
              aria-label="Looking for your picture"
              aria-valuemin={0}
              aria-valuemax={run.numSteps ?? 100}
              aria-valuenow={run.step}
            >
              <span style={{ width: `${run.numSteps ? (run.step / run.numSteps) * 100 : 0}%` }} />
            </div>
          </div>
        </div>
      )}
      {inversion && (
        <div className={`at-card ${styles.line}`}>
          <ErrorLine inversion={inversion} kind={kind} />
          <div className={styles.choices}>
            {unusual ? (
              <>
                <button type="button" className="at-button" data-size="main" onClick={onEdit}>
                  Edit anyway
                </button>
                <CropAgain image={image} />
                <UseAnother isFilled />
              </>
            ) : (
              <>
                <UseAnother />
                <CropAgain image={image} />
                <button
                  type="button"
                  className="at-button"
                  data-size="main"
                  data-filled
                  onClick={onEdit}
                >
                  {editLabel}
                </button>
              </>
            )}
          </div>
        </div>
      )}
      {hasFailed && (
        <div className={styles.choices}>
          <button
            type="button"
            className="at-button"
            data-size="main"
            disabled={search.isPending}
            onClick={() => search.mutate(100)}
          >
            Search again
          </button>
          <UseAnother isFilled />
        </div>
      )}
      {inversion && (
        <p className={styles.more}>
          <button
            type="button"
            className="at-link"
            disabled={search.isPending}
            onClick={() => search.mutate(MORE_STEPS)}
          >
            Try {MORE_STEPS} more steps
          </button>
          <span className="at-hint">
            {typeof started?.before === "number" && started.before !== inversion.error
              ? moreStepsWords(started.before, inversion.error)
              : "The error shows whether it helped."}
          </span>
        </p>
      )}
      {search.error && <ErrorNote error={search.error} />}
    </div>
  );
}

interface Moment {
  readonly isRunning: boolean;
  readonly hasFailed: boolean;
  readonly unusual: boolean;
}

function titleOf({ isRunning, hasFailed, unusual, known }: Moment & { known: string }): string {
  if (isRunning) return "Your picture is coming into focus";
  if (hasFailed) return "Atelier could not rebuild your picture";
  if (unusual) return `Atelier has only learned ${known}.`;
  return "How close is it?";
}

function textOf({
  isRunning,
  hasFailed,
  unusual,
  problem,
}: Moment & { problem: string | null }): string {
  if (isRunning) {
    return "Atelier looks for the code that draws your picture. Left is yours, in the middle what it has understood so far.";
  }
  if (hasFailed) return problem ?? "The search ended early. Search again, or use another picture.";
  if (unusual) {
    return "It can redraw your picture only as one of them. Left is yours, in the middle what it understood, right what it missed. Edits act on the middle one.";
  }
  return "Left is yours, in the middle what Atelier understood, right what it missed. Edits act on the middle one.";
}

/** The first result of the search, not today's head: later edits are no part of it. */
function Reconstruction({ image }: { readonly image: Image }) {
  const { data } = useQuery({
    queryKey: keys.revisions(image.id),
    queryFn: () =>
      take(
        api.GET("/api/images/{image_id}/revisions", { params: { path: { image_id: image.id } } }),
      ),
    enabled: image.head_revision_id !== null,
  });
  const found = data?.find((revision) => revision.kind === "invert");
  const url = found?.picture_url ?? (image.num_revisions === 1 ? image.picture_url : null);
  return url ? <img src={url} alt="The reconstruction" /> : null;
}

function Panel({
  title,
  aside,
  caption,
  children,
}: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly caption: string;
  readonly children: ReactNode;
}) {
  return (
    <figure className={styles.panel}>
      <div className="at-spread">
        <h2>{title}</h2>
        {aside}
      </div>
      <div className={styles.picture}>{children}</div>
      <figcaption>{caption}</figcaption>
    </figure>
  );
}

function ErrorLine({ inversion, kind }: { readonly inversion: Inversion; readonly kind: string }) {
  const line = errorLine(inversion.error, inversion.usual_error);
  return (
    <div
      className={styles.scale}
      role="img"
      aria-label={`Error ${line.shown}, usually ${line.low} to ${line.high}`}
    >
      <div className="at-spread">
        <strong>Error</strong>
        <strong className={styles.figure} data-warn={inversion.is_unusual || undefined}>
          {line.shown}
        </strong>
      </div>
      <div className={styles.track}>
        <i
          className={styles.usual}
          style={{ left: `${line.from}%`, width: `${line.to - line.from}%` }}
        />
        <i
          className={styles.tick}
          data-warn={inversion.is_unusual || undefined}
          style={{ left: `${line.at}%` }}
        />
      </div>
      <div className="at-hint">
        usual for {kind}, {line.low} to {line.high}
        {inversion.is_unusual ? "; this picture lies outside" : ""}
      </div>
    </div>
  );
}

function UseAnother({ isFilled = false }: { readonly isFilled?: boolean }) {
  return (
    <button
      type="button"
      className="at-button"
      data-size="main"
      data-filled={isFilled || undefined}
      onClick={() => chooseFile(ACCEPTED)}
    >
      Use another picture
    </button>
  );
}

function CropAgain({ image }: { readonly image: Image }) {
  const again = () => {
    const file = knownFile(image.id);
    // A file of another visit is not at hand any more: the person shows it again.
    if (file) startUpload(file, image.id);
    else chooseFile(ACCEPTED, image.id);
  };
  return (
    <button type="button" className="at-button" data-size="main" onClick={again}>
      Crop again
    </button>
  );
}
