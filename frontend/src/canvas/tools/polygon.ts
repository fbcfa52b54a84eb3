/**
 * The polygon lasso: click corner by corner, or draw the outline in one go. A click on the
 * first corner, a double click or Enter closes it.
 */

import type { LabelPoint, ScreenPoint } from "../space";
import { type Tool, type ToolHost, samePoint } from "./tool";

const CLOSE_PIXELS = 10;
const FREEHAND_PIXELS = 14;
const MOST_POINTS = 4096;

const distance = (a: ScreenPoint, b: ScreenPoint) => Math.hypot(a.x - b.x, a.y - b.y);

export function createPolygon(host: ToolHost): Tool {
  let corners: LabelPoint[] = [];
  let firstAt: ScreenPoint | null = null;
  let pressedAt: ScreenPoint | null = null;
  let freehand: LabelPoint[] | null = null;

  const reset = () => {
    corners = [];
    firstAt = null;
    pressedAt = null;
    freehand = null;
    host.outline(null);
  };

  const close = (points: readonly LabelPoint[]): boolean => {
    reset();
    if (points.length < 3) return false;
    host.commit({ tool: "polygon", part: host.part, radius: 1, points });
    return true;
  };

  const cancel = () => {
    const wasDrawing = corners.length > 0 || freehand !== null;
    reset();
    return wasDrawing;
  };

  return {
    cursor: "crosshair",
    paints: true,
    enter: () => undefined,
    exit: () => void cancel(),
    cancel,
    down({ label, screen }) {
      pressedAt = screen;
      freehand = corners.length === 0 ? [label] : null;
    },
    move({ label, screen }) {
      if (!freehand || !pressedAt || samePoint(freehand.at(-1), label)) return;
      if (freehand.length < MOST_POINTS) freehand.push(label);
      if (distance(pressedAt, screen) > FREEHAND_PIXELS) firstAt ??= pressedAt;
      host.outline(freehand);
    },
    up({ label, screen }) {
      if (!pressedAt) return;
      const wasDragged = freehand !== null && firstAt !== null && freehand.length > 3;
      if (wasDragged && freehand) {
        close(freehand);
        return;
      }
      freehand = null;
      pressedAt = null;
      if (corners.length > 2 && firstAt && distance(firstAt, screen) <= CLOSE_PIXELS) {
        close(corners);
        return;
      }
      firstAt ??= screen;
      if (!samePoint(corners.at(-1), label) && corners.length < MOST_POINTS) corners.push(label);
      host.outline(corners);
    },
    hover({ label }) {
      if (corners.length > 0) host.outline([...corners, label]);
    },
    confirm: () => corners.length > 0 && close(corners),
  };
}
