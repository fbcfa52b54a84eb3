/** The strength of an edit vector, −2 to 2, over the band in which it was measured to work. */

import type { KeyboardEvent } from "react";

import { spokenStrength } from "./words";

const LEAST = -2;
const MOST = 2;
const STEP = 0.05;
const LEAP = 0.25;

const share = (value: number) => ((value - LEAST) / (MOST - LEAST)) * 100;

/** The strength after a key, or null for keys that are none of ours. */
export function strengthAfterKey(value: number, key: string, isShifted: boolean): number | null {
  const step = isShifted ? LEAP : STEP;
  const to = (next: number) => Math.round(Math.min(MOST, Math.max(LEAST, next)) * 100) / 100;
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return to(value + step);
    case "ArrowLeft":
    case "ArrowDown":
      return to(value - step);
    case "PageUp":
      return to(value + LEAP);
    case "PageDown":
      return to(value - LEAP);
    case "Home":
      return LEAST;
    case "End":
      return MOST;
    case "0":
      return 0;
    default:
      return null;
  }
}

export function StrengthSlider({
  label,
  value,
  measured,
  onChange,
  onRest,
  isDisabled = false,
}: {
  readonly label: string;
  readonly value: number;
  readonly measured?: readonly [number, number] | null;
  readonly onChange: (value: number) => void;
  /** The hand let go. */
  readonly onRest?: (value: number) => void;
  readonly isDisabled?: boolean;
}) {
  const onKeyDown = (event: KeyboardEvent) => {
    const next = strengthAfterKey(value, event.key, event.shiftKey);
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    onChange(next);
    onRest?.(next);
  };
  const band = measured
    ? `, measured from ${spokenStrength(measured[0])} to ${spokenStrength(measured[1])}`
    : "";
  const from = Math.min(share(0), share(value));
  const to = Math.max(share(0), share(value));
  return (
    <span className="at-strength">
      <i className="at-strength-track" />
      {measured && (
        <i
          className="at-strength-band"
          style={{
            left: `${share(measured[0])}%`,
            width: `${share(measured[1]) - share(measured[0])}%`,
          }}
        />
      )}
      <i className="at-strength-zero" />
      <i className="at-strength-value" style={{ left: `${from}%`, width: `${to - from}%` }} />
      <input
        type="range"
        min={LEAST}
        max={MOST}
        step={0.01}
        value={value}
        disabled={isDisabled}
        aria-label={`Strength of ${label}`}
        aria-valuetext={spokenStrength(value) + band}
        onChange={(event) => onChange(Number(event.currentTarget.value))}
        onPointerUp={(event) => onRest?.(Number(event.currentTarget.value))}
        onDoubleClick={() => {
          onChange(0);
          onRest?.(0);
        }}
        onKeyDown={onKeyDown}
      />
    </span>
  );
}
