/** Which figures of a running job are lines worth drawing, and how are they gathered? */

import { HIDDEN } from "./figures";

export interface LossPoint {
  readonly step: number;
  readonly figures: Readonly<Record<string, number>>;
}

const MOST = 400;

/** The points with one more; a step that lies before the last begins anew. */
export function gathered(
  points: readonly LossPoint[],
  step: number,
  figures: Readonly<Record<string, number>>,
): readonly LossPoint[] {
  if (Object.keys(figures).length === 0) return points;
  const last = points.at(-1);
  if (last?.step === step) return points;
  if (last && step < last.step) return [{ step, figures }];
  const next = [...points, { step, figures }];
  // Half as dense once there are too many to draw; the newest always stays.
  return next.length > MOST ? next.filter((_, at) => (next.length - 1 - at) % 2 === 0) : next;
}

/** The names of all figures, in the order they came. */
export const lineNames = (points: readonly LossPoint[]): string[] => [
  ...new Set(points.flatMap(({ figures }) => Object.keys(figures))),
].filter((name) => !HIDDEN.has(name));
