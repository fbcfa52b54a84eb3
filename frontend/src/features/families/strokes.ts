/** What was painted on one sample, and what can be taken back? Whole label maps, newest last. */

import { type LabelMap, copyLabels, emptyLabels, sameLabels } from "../../canvas/labels";
import { type Gesture, rasterise } from "../../canvas/raster";
import { UNLABELLED } from "./schema";

const DEPTH = 60;

export interface Painting {
  readonly past: readonly LabelMap[];
  readonly now: LabelMap;
  readonly future: readonly LabelMap[];
}

export const opened = (now: LabelMap): Painting => ({ past: [], now, future: [] });

export const nothing = (size: number): LabelMap => emptyLabels(size, size, UNLABELLED);

/** The painting with another map on top; unchanged if it is the same. */
export function put(painting: Painting, next: LabelMap): Painting {
  if (sameLabels(painting.now, next)) return painting;
  return { past: [...painting.past, painting.now].slice(-DEPTH), now: next, future: [] };
}

/** The eraser takes labels away altogether. */
export function drawn(painting: Painting, gesture: Gesture): Painting {
  const { now } = painting;
  const next = copyLabels(now);
  rasterise(next, nothing(now.width), gesture);
  return put(painting, next);
}

/** Every pixel without a label gets `part`. */
export function filled(painting: Painting, part: number): Painting {
  const { now } = painting;
  const next = { ...now, data: now.data.map((id) => (id === UNLABELLED ? part : id)) };
  return put(painting, next);
}

export function undone({ past, now, future }: Painting): Painting {
  const before = past.at(-1);
  return before
    ? { past: past.slice(0, -1), now: before, future: [...future, now] }
    : { past, now, future };
}

export function redone({ past, now, future }: Painting): Painting {
  const next = future.at(-1);
  return next
    ? { past: [...past, now], now: next, future: future.slice(0, -1) }
    : { past, now, future };
}

/** The share of pixels that have a label, 0 to 1. */
export function labelledShare({ data }: LabelMap): number {
  let number = 0;
  for (const id of data) if (id !== UNLABELLED) number += 1;
  return data.length === 0 ? 0 : number / data.length;
}
