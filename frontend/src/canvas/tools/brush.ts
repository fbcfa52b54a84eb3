/** The brush and the eraser: a stroke along the pointer. The eraser brings the base back. */

import type { Gesture } from "../raster";
import type { LabelPoint } from "../space";
import { type Tool, type ToolHost, samePoint } from "./tool";

const MOST_POINTS = 2048; // a longer stroke goes on as a second one

export function createBrush(host: ToolHost, kind: "brush" | "restore"): Tool {
  let points: LabelPoint[] | null = null;

  const gesture = (drawn: readonly LabelPoint[]): Gesture => ({
    tool: kind,
    part: host.part,
    radius: host.radius,
    points: drawn,
  });

  const cancel = () => {
    const wasDrawing = points !== null;
    points = null;
    if (wasDrawing) host.preview(null);
    return wasDrawing;
  };

  return {
    cursor: "ring",
    paints: true,
    enter: () => undefined,
    exit: () => void cancel(),
    cancel,
    down({ label }) {
      points = [label];
      host.preview(gesture(points));
    },
    move({ label }) {
      if (!points || samePoint(points.at(-1), label)) return;
      points.push(label);
      if (points.length >= MOST_POINTS) {
        host.commit(gesture(points));
        points = [label];
      }
      host.preview(gesture(points));
    },
    up() {
      if (!points) return;
      const drawn = points;
      points = null;
      host.commit(gesture(drawn));
    },
    hover: () => undefined,
    confirm: () => false,
  };
}
