/** Which figures of a running job are lines worth drawing, and how are they gathered? */

export interface LossPoint {
  readonly step: number;
  readonly figures: Readonly<Record<string, number>>;
}

const MOST = 400;

/** The points with one more; a step that is known, or lies before the last, begins anew. */
export function gathered(
  points: readonly LossPoint[],
  step: number,
  figures: Readonly<Record<string, number | null>>,
): readonly LossPoint[] {
  const known = Object.fromEntries(
    Object.entries(figures).filter((entry): entry is [string, number] => entry[1] !== null),
  );
  if (Object.keys(known).length === 0) return points;
  const last = points.at(-1);
  if (last?.step === step) return points;
  if (last && step < last.step) return [{ step, figures: known }];
  const next = [...points, { step, figures: known }];
  // Half as dense once there are too many to draw.
  return next.length > MOST
    ? next.filter((_, at) => at % 2 === next.length % 2 || at === next.length - 1)
    : next;
}

/** The names of the figures that fall while training: those that say loss or error. */
export const lossNames = (points: readonly LossPoint[]): string[] =>
  [...new Set(points.flatMap(({ figures }) => Object.keys(figures)))].filter((name) =>
    /loss|error|entropy|lpips|mse/i.test(name),
  );
