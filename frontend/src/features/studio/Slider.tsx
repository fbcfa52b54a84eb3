/** A slider with a filled track. Double click and 0 bring it back to where it rests. */

import type { CSSProperties } from "react";

export interface SliderProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly largeStep?: number; // with Shift
  readonly rest?: number;
  readonly origin?: number; // where the fill begins; the minimum if not given
  readonly band?: readonly [low: number, high: number] | null;
  readonly valueText: string;
  readonly isDisabled?: boolean;
  onChange(value: number): void;
}

export function Slider(props: SliderProps) {
  const { value, min, max, step, rest, origin = min, band, onChange } = props;
  const share = (at: number) => (Math.max(min, Math.min(max, at)) - min) / (max - min);
  const onGrid = (wanted: number) => {
    const kept = Math.max(min, Math.min(max, wanted));
    return Number((Math.round(kept / step) * step).toFixed(6));
  };
  const style = {
    "--from": share(Math.min(value, origin)),
    "--to": share(Math.max(value, origin)),
    "--band-from": band ? share(band[0]) : 0,
    "--band-to": band ? share(band[1]) : 0,
    "--origin": share(origin),
  } as CSSProperties;
  return (
    <span className="st-slider" style={style} data-centred={origin !== min || undefined}>
      <span className="st-slider-track" aria-hidden="true">
        {band && <span className="st-slider-band" />}
        <span className="st-slider-fill" />
        {origin !== min && <span className="st-slider-origin" />}
      </span>
      <input
        type="range"
        aria-label={props.label}
        aria-valuetext={props.valueText}
        min={min}
        max={max}
        step={step}
        value={value}
        disabled={props.isDisabled}
        onChange={(event) => onChange(onGrid(event.currentTarget.valueAsNumber))}
        onDoubleClick={() => rest !== undefined && onChange(rest)}
        onKeyDown={(event) => {
          const sign = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
          if (event.ctrlKey || event.metaKey) return;
          if (event.key === "0" && rest !== undefined) onChange(rest);
          else if (sign) onChange(onGrid(value + sign * (event.shiftKey ? (props.largeStep ?? step) : step)));
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
    </span>
  );
}
