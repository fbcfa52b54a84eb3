/**
 * What is painted now? The base label map with every stroke of the room folded in.
 *
 * Acknowledged ops lie in the server's order, own ops that the server has not answered yet
 * come after them. An undo takes back a stroke of the same author, wherever it stands.
 */

import { type LabelMap, copyLabels } from "./labels";
import { type Gesture, RASTERISER, rasterise } from "./raster";

export interface Stroke extends Gesture {
  readonly op_id: string;
  readonly rasteriser: 1;
}

export interface Undo {
  readonly op_id: string;
  readonly target: string;
  readonly undone: boolean;
}

/** A stroke or an undo, by someone. Exactly one of the two is there. */
export interface LoggedOp {
  readonly author_id: number;
  readonly stroke: Stroke | null;
  readonly undo: Undo | null;
}

export interface PlacedOp extends LoggedOp {
  readonly epoch: number;
  readonly seq: number;
}

const UNDO_DEPTH = 30;

export const opId = (op: LoggedOp): string => op.stroke?.op_id ?? op.undo?.op_id ?? "";

/** The label map that `ops` leave on `base`. */
export function fold(base: LabelMap, ops: readonly LoggedOp[]): LabelMap {
  const painted = copyLabels(base);
  for (const stroke of standing(ops)) rasterise(painted, base, stroke);
  return painted;
}

/** The strokes that nobody took back, in order. Those of an unknown rasteriser are left out. */
export function standing(ops: readonly LoggedOp[]): Stroke[] {
  const authors = new Map<string, number>();
  const undone = new Set<string>();
  for (const { author_id, stroke, undo } of ops) {
    if (stroke) authors.set(stroke.op_id, author_id);
    if (undo && authors.get(undo.target) === author_id) {
      if (undo.undone) undone.add(undo.target);
      else undone.delete(undo.target);
    }
  }
  return ops.flatMap(({ stroke }) =>
    stroke && !undone.has(stroke.op_id) && stroke.rasteriser === RASTERISER ? [stroke] : [],
  );
}

/** Own strokes that can be taken back and brought back, newest last. */
export interface UndoStacks {
  readonly undo: readonly string[];
  readonly redo: readonly string[];
}

/** Which own strokes undo and redo would reach next, as the log of one author tells. */
export function undoStacks(ops: readonly LoggedOp[], author: number): UndoStacks {
  let undo: string[] = [];
  let redo: string[] = [];
  for (const op of ops) {
    if (op.author_id !== author) continue;
    if (op.stroke) {
      undo = [...undo, op.stroke.op_id].slice(-UNDO_DEPTH);
      redo = [];
    } else if (op.undo) {
      const { target, undone } = op.undo;
      if (undone && undo.includes(target)) {
        undo = undo.filter((id) => id !== target);
        redo = [...redo, target];
      } else if (!undone && redo.includes(target)) {
        redo = redo.filter((id) => id !== target);
        undo = [...undo, target];
      }
    }
  }
  return { undo, redo };
}
