/** The canvas, and what floats over it without covering the picture. */

import { Canvas, Hold, UndoButtons } from "../painting/Canvas";
import { useStudio, useStudioState } from "./context";
import { Icon } from "./icons";
import { isRunning } from "./state";
import { titleOf } from "./titles";
import { UncertaintyCard } from "./UncertaintyCard";
import { firstName } from "./words";

export function Stage({
  isPhone,
  onSaveVector,
}: {
  isPhone: boolean;
  onSaveVector: (revisionId: string) => void;
}) {
  const { session, image, family } = useStudio();
  const [part, tool, hovered, mode] = useStudioState((s) => [s.part, s.tool, s.hovered, s.mode]);
  const titleOf = (id: number | null) => family.parts.find((each) => each.id === id)?.title;
  return (
    <Canvas
      painting={session}
      isPhone={isPhone}
      most={600}
      testId="studio-canvas"
      kind="painting canvas"
      name={image.name}
      tool={tool}
      part={titleOf(part) ?? ""}
      under={hovered === null ? null : (titleOf(hovered) ?? "nothing")}
    >
      <LateLine />
      <RunPill />
      {mode === "uncertainty" && <UncertaintyCard />}
      <CompareHandle />
      <CompareBar onSaveVector={onSaveVector} />
      {isPhone ? <PhoneButtons /> : <ViewPill />}
    </Canvas>
  );
}

function LateLine() {
  const [isLate, view, size] = useStudioState((s) => [s.isPreviewLate, s.viewport, s.labelSize]);
  if (!isLate) return null;
  return (
    <span
      className="st-late"
      style={{ left: view.left, top: view.top, width: view.scale * size }}
      aria-hidden="true"
    />
  );
}

function RunPill() {
  const job = useStudioState((state) => state.job);
  if (!isRunning(job)) return null;
  const isLive = job.status === "running" || job.step > 0;
  return (
    <span className="st-live" data-live={isLive || undefined}>
      <span className="st-live-dot" />
      {isLive ? (
        <>
          <strong>Live</strong> step {job.step} of {job.numSteps}
        </>
      ) : (
        "Waiting for a free worker"
      )}
    </span>
  );
}

function ViewPill() {
  const { session, family } = useStudio();
  const [mayUndo, mayRedo, scale, showsPixels, isBeforeHeld] = useStudioState((s) => [
    s.mayUndo,
    s.mayRedo,
    s.viewport.scale,
    s.showsPixels,
    s.isBeforeHeld,
  ]);
  const percent = Math.round((100 * scale * family.label_size) / family.resolution);
  return (
    <div className="st-view" role="toolbar" aria-label="View and undo">
      <UndoButtons painting={session} mayUndo={mayUndo} mayRedo={mayRedo} />
      <span className="st-view-rule" />
      <output className="st-zoom" aria-label="Zoom">
        {percent} %
      </output>
      <span className="st-view-rule" />
      <button type="button" className="at-button" data-quiet onClick={() => session.fit()}>
        Fit
      </button>
      {percent >= 400 && (
        <button
          type="button"
          className="at-button"
          data-quiet
          aria-pressed={showsPixels}
          onClick={() => session.look({ showsPixels: !showsPixels })}
        >
          Pixels
        </button>
      )}
      <HoldBefore isHeld={isBeforeHeld} />
    </div>
  );
}

function HoldBefore({ isHeld }: { isHeld: boolean }) {
  const { session } = useStudio();
  return (
    <Hold
      isHeld={isHeld}
      label="Hold for before"
      icon="compare"
      onHold={(isBeforeHeld) => session.look({ isBeforeHeld })}
    >
      Hold <kbd className="at-kbd">X</kbd> for before
    </Hold>
  );
}

function PhoneButtons() {
  const { session } = useStudio();
  const [mayUndo, mayRedo, isHeld] = useStudioState((s) => [
    s.mayUndo,
    s.mayRedo,
    s.isBeforeHeld,
  ]);
  return (
    <div className="st-phone-buttons">
      <UndoButtons painting={session} mayUndo={mayUndo} mayRedo={mayRedo} />
      <HoldBefore isHeld={isHeld} />
    </div>
  );
}

/** The line between before and after: dragged, or moved by arrows. */
function CompareHandle() {
  const { session } = useStudio();
  const [mode, at, view, size] = useStudioState((s) => [
    s.mode,
    s.compareAt,
    s.viewport,
    s.labelSize,
  ]);
  if (mode !== "compare") return null;
  const width = view.scale * size;
  return (
    <div className="st-compare" style={{ left: view.left, top: view.top, width, height: width }}>
      <span className="st-tag" data-side="left">
        Before
      </span>
      <span className="st-tag" data-side="right">
        After
      </span>
      <span className="st-compare-line" style={{ left: `${at * 100}%` }}>
        <span className="st-compare-knob" />
      </span>
      <input
        type="range"
        aria-label="Before and after"
        aria-valuetext={`${Math.round(at * 100)} percent before`}
        min={0}
        max={1}
        step={0.01}
        value={at}
        onChange={(event) => session.look({ compareAt: event.currentTarget.valueAsNumber })}
        onKeyDown={(event) => event.key !== "Escape" && event.stopPropagation()}
      />
    </div>
  );
}

/** What to do with the revision that is compared. */
function CompareBar({ onSaveVector }: { onSaveVector: (revisionId: string) => void }) {
  const { session, revisions, parts } = useStudio();
  const comparedId = useStudioState((state) => state.comparedId);
  const revision = revisions.find(({ id }) => id === comparedId);
  if (!revision) return null;
  return (
    <div className="st-compare-bar" role="group" aria-label="Compared revision">
      <span className="at-ellipsis">
        <strong>{titleOf(revision, parts)}</strong> by {firstName(revision.author.name)}, left; the present
        picture, right
      </span>
      {!revision.is_head && (
        <button
          type="button"
          className="at-button"
          data-size="small"
          onClick={() => void session.restore(revision.id)}
        >
          <Icon name="restore" size={16} /> Restore
        </button>
      )}
      {!revision.is_head && revision.kind === "optimize" && (
        <button
          type="button"
          className="at-button"
          data-size="small"
          onClick={() => onSaveVector(revision.id)}
        >
          Save as edit vector
        </button>
      )}
      <button
        type="button"
        className="at-button"
        data-size="small"
        onClick={() => session.compareWith(null)}
      >
        Close
      </button>
    </div>
  );
}
