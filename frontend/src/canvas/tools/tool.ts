/** What is a tool? A small state machine that turns pointer moves into gestures. */

import type { LabelMap } from "../labels";
import type { Gesture } from "../raster";
import type { LabelPoint, ScreenPoint } from "../space";
import type { Viewport } from "../viewport";

export type ToolName = "brush" | "eraser" | "polygon" | "bucket" | "pick" | "hand" | "zoom";

/** One pointer position, in the two spaces that tools work in. */
export interface ToolPointer {
  readonly label: LabelPoint;
  readonly screen: ScreenPoint;
  readonly isAlternate: boolean; // Alt held: the opposite, as zooming out
}

/** What tools may see and do. The engine is one; tests bring another. */
export interface ToolHost {
  readonly labels: LabelMap;
  readonly part: number;
  readonly radius: number;
  readonly viewport: Viewport;
  setViewport(viewport: Viewport): void;
  /** Shows an unfinished gesture on the label map, at once; null takes it off again. */
  preview(gesture: Gesture | null): void;
  /** Shows an unfinished outline; null takes it off again. */
  outline(points: readonly LabelPoint[] | null): void;
  /** A whole gesture: the only thing that leaves the engine. */
  commit(gesture: Gesture): void;
  pick(part: number): void;
}

export interface Tool {
  readonly cursor: "ring" | "crosshair" | "grab" | "zoom-in";
  readonly paints: boolean;
  enter(): void;
  /** Leaves nothing unfinished behind. */
  exit(): void;
  /** Drops what is unfinished; true if there was something. */
  cancel(): boolean;
  down(pointer: ToolPointer): void;
  move(pointer: ToolPointer): void;
  up(pointer: ToolPointer): void;
  /** The pointer moves without being pressed. */
  hover(pointer: ToolPointer): void;
  /** Enter or a double click; true if that meant something. */
  confirm(): boolean;
}

export const samePoint = (a: LabelPoint | undefined, b: LabelPoint): boolean =>
  a?.[0] === b[0] && a[1] === b[1];
