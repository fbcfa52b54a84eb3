/** Two pictures in one place, a rule between them that the hand or the arrows move. */

import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState } from "react";

import { IconGrip } from "./icons";

/** The place of the rule (0 to 1) after a key, or null for keys that are none of ours. */
export function ruleAfterKey(place: number, key: string, isShifted: boolean): number | null {
  const step = isShifted ? 0.1 : 0.02;
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return Math.max(0, place - step);
    case "ArrowRight":
    case "ArrowUp":
      return Math.min(1, place + step);
    case "Home":
      return 0;
    case "End":
      return 1;
    default:
      return null;
  }
}

export function CompareSlider({
  before,
  after,
  beforeLabel,
  afterLabel,
  beforeName = "Before",
  afterName = "After",
  hasKeyline = false,
  knobAt = 0.5,
}: {
  readonly before: string;
  readonly after: string;
  readonly beforeLabel?: ReactNode;
  readonly afterLabel?: ReactNode;
  readonly beforeName?: string;
  readonly afterName?: string;
  readonly hasKeyline?: boolean;
  /** Height of the knob, 0 at the top. */
  readonly knobAt?: number;
}) {
  const [place, setPlace] = useState(0.5);
  const frame = useRef<HTMLDivElement>(null);

  const follow = (event: PointerEvent) => {
    const box = frame.current?.getBoundingClientRect();
    if (!box || box.width === 0) return;
    setPlace(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = ruleAfterKey(place, event.key, event.shiftKey);
    if (next === null) return;
    event.preventDefault();
    setPlace(next);
  };
  const shown = `${Math.round(place * 100)} %`;
  return (
    <div
      ref={frame}
      className="at-compare"
      data-keyline={hasKeyline || undefined}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        follow(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) follow(event);
      }}
    >
      <img src={after} alt={afterName} draggable={false} />
      <img
        src={before}
        alt={beforeName}
        draggable={false}
        style={{ clipPath: `inset(0 ${(1 - place) * 100}% 0 0)` }}
      />
      <div className="at-compare-rule" style={{ left: `${place * 100}%` }} />
      {beforeLabel && (
        <span className="at-compare-label" style={{ left: 12 }}>
          {beforeLabel}
        </span>
      )}
      {afterLabel && (
        <span className="at-compare-label" style={{ right: 12 }}>
          {afterLabel}
        </span>
      )}
      <button
        type="button"
        className="at-compare-knob"
        role="slider"
        aria-label={`${beforeName} on the left, ${afterName} on the right`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(place * 100)}
        aria-valuetext={`${shown} ${beforeName}`}
        style={{ left: `${place * 100}%`, top: `${knobAt * 100}%` }}
        onKeyDown={onKeyDown}
      >
        <IconGrip />
      </button>
    </div>
  );
}
