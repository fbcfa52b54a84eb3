/** The sheet at the foot of a phone: Paint, Vectors, History. Drags to three heights. */

import { type PointerEvent, useRef, useState } from "react";

import { useStudioState } from "./context";
import { HistoryStrip } from "./HistoryStrip";
import { OptimizeCard } from "./OptimizeCard";
import { PaintingSearch } from "./PaintingSearch";
import { BrushSliders } from "./PartsPanel";
import { StackFoot, VectorStack } from "./VectorStack";

const HEIGHTS = [120, 290, 620] as const;
const TABS = ["Paint", "Vectors", "History"] as const;

export function PhoneSheet({
  onAdd,
  onSaveVector,
  isFinding,
  onFind,
}: {
  onAdd: () => void;
  onSaveVector: (revisionId: string) => void;
  isFinding: boolean;
  onFind: (isFinding: boolean) => void;
}) {
  const [tab, setTab] = useState<(typeof TABS)[number]>("Paint");
  const [height, setHeight] = useState<number>(HEIGHTS[1]);
  const drag = useRef<{ readonly y: number; readonly height: number } | null>(null);
  const numVectors = useStudioState((state) => state.stack.length);

  const settle = () => {
    if (!drag.current) return;
    drag.current = null;
    const nearest = [...HEIGHTS].sort((a, b) => Math.abs(a - height) - Math.abs(b - height))[0];
    setHeight(nearest ?? HEIGHTS[1]);
  };
  const follow = (event: PointerEvent) => {
    if (!drag.current) return;
    setHeight(Math.max(HEIGHTS[0], Math.min(HEIGHTS[2], drag.current.height + drag.current.y - event.clientY)));
  };

  return (
    <section className="st-sheet" style={{ height }} aria-label="Tools of this picture">
      <button
        type="button"
        className="st-sheet-grip"
        aria-label={height === HEIGHTS[2] ? "Make the sheet smaller" : "Make the sheet larger"}
        onPointerDown={(event) => {
          drag.current = { y: event.clientY, height };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={follow}
        onPointerUp={settle}
        onPointerCancel={settle}
        onKeyDown={(event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          setHeight(height === HEIGHTS[2] ? HEIGHTS[1] : HEIGHTS[2]);
        }}
      >
        <span />
      </button>
      <div className="st-tabs" role="tablist" aria-label="Sheet">
        {TABS.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`st-tab-${name}`}
            aria-selected={tab === name}
            aria-controls="st-sheet-panel"
            onClick={() => {
              setTab(name);
              onFind(false);
            }}
          >
            {name}
            {name === "Vectors" && numVectors > 0 && <span className="st-count">{numVectors}</span>}
          </button>
        ))}
      </div>
      <div
        className="st-sheet-panel"
        id="st-sheet-panel"
        role="tabpanel"
        aria-labelledby={`st-tab-${tab}`}
        tabIndex={0}
      >
        {isFinding && <PaintingSearch onClose={() => onFind(false)} />}
        {!isFinding && tab === "Paint" && (
          <>
            <BrushSliders />
            <OptimizeCard onSaveVector={onSaveVector} onFind={() => onFind(true)} />
          </>
        )}
        {!isFinding && tab === "Vectors" && (
          <>
            <VectorStack onAdd={onAdd} />
            <StackFoot />
          </>
        )}
        {!isFinding && tab === "History" && <HistoryStrip />}
      </div>
    </section>
  );
}
