/** What is painted on, for eyes, hands and screen readers; and the buttons that float over it. */

import { type ReactNode, useEffect, useId, useRef } from "react";

import { Icon } from "../studio/icons";

/** What a canvas needs of whoever keeps the painting. */
export interface Painting {
  attach: (canvas: HTMLCanvasElement) => (() => void) | undefined;
  setFit: (most: number, below: number) => void;
  undo: () => void;
  redo: () => void;
}

export function Canvas({
  painting,
  isPhone,
  most,
  testId,
  kind,
  name,
  tool,
  part,
  under,
  isBusy,
  children,
}: {
  readonly painting: Painting;
  readonly isPhone: boolean;
  /** The picture's largest side on a wide screen, in pixels of the screen. */
  readonly most: number;
  readonly testId: string;
  /** In words: what this is, whose picture it shows, which tool paints which part. */
  readonly kind: string;
  readonly name: string;
  readonly tool: string;
  readonly part: string;
  /** The part under the brush, null if it is over none. */
  readonly under: string | null;
  readonly isBusy?: boolean;
  readonly children: ReactNode;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const said = useId();
  useEffect(() => (canvas.current ? painting.attach(canvas.current) : undefined), [painting]);
  useEffect(() => {
    if (isPhone) painting.setFit(10_000, 0);
    else painting.setFit(most, 62);
  }, [painting, isPhone, most]);
  return (
    <main className="st-stage" id="content" aria-label="Canvas" aria-busy={isBusy} data-region>
      <canvas
        ref={canvas}
        className="st-canvas"
        data-testid={testId}
        role="application"
        aria-roledescription={kind}
        aria-label={`${name}. Arrows move the brush, D puts the pen down or up.`}
        aria-describedby={said}
        tabIndex={0}
      />
      <p id={said} className="at-hidden">
        {`Tool ${tool}, painting ${part}.`}
        {under !== null && ` The brush is over ${under}.`}
      </p>
      {!isPhone && under !== null && <span className="st-under">{under}</span>}
      {children}
    </main>
  );
}

export function UndoButtons({
  painting,
  mayUndo,
  mayRedo,
}: {
  readonly painting: Painting;
  readonly mayUndo: boolean;
  readonly mayRedo: boolean;
}) {
  return (
    <>
      <button
        type="button"
        className="at-button"
        data-quiet
        data-icon
        aria-label="Undo"
        title="Undo (Ctrl Z)"
        disabled={!mayUndo}
        onClick={() => painting.undo()}
      >
        <Icon name="undo" />
      </button>
      <button
        type="button"
        className="at-button"
        data-quiet
        data-icon
        aria-label="Redo"
        title="Redo (Ctrl Shift Z)"
        disabled={!mayRedo}
        onClick={() => painting.redo()}
      >
        <Icon name="redo" />
      </button>
    </>
  );
}

/** Shows something else for as long as it is held. */
export function Hold({
  isHeld,
  label,
  icon,
  onHold,
  children,
}: {
  readonly isHeld: boolean;
  readonly label: string;
  readonly icon: "compare" | "eye";
  readonly onHold: (isHeld: boolean) => void;
  readonly children: ReactNode;
}) {
  return (
    <button
      type="button"
      className="at-button"
      data-quiet
      aria-pressed={isHeld}
      aria-label={label}
      onPointerDown={() => onHold(true)}
      onPointerUp={() => onHold(false)}
      onPointerLeave={() => onHold(false)}
      onKeyDown={(event) => event.key === " " && onHold(true)}
      onKeyUp={(event) => event.key === " " && onHold(false)}
      onBlur={() => onHold(false)}
    >
      <Icon name={icon} />
      <span className="st-wide">{children}</span>
    </button>
  );
}
