/** What did a painting change? Pixels by part, and the square that holds them. */

import { type LabelMap, countParts } from "./labels";

export interface PartChange {
  readonly part: number;
  /** Pixels gained; negative where the part lost some. */
  readonly pixels: number;
}

/** Parts that gained or lost pixels, those with the largest change first. */
export function changesByPart(before: LabelMap, after: LabelMap): PartChange[] {
  const had = countParts(before);
  const has = countParts(after);
  return [...new Set([...had.keys(), ...has.keys()])]
    .map((part) => ({ part, pixels: (has.get(part) ?? 0) - (had.get(part) ?? 0) }))
    .filter(({ pixels }) => pixels !== 0)
    .sort((a, b) => Math.abs(b.pixels) - Math.abs(a.pixels) || a.part - b.part);
}

/** A square of label-map pixels, within the map. */
export interface Square {
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

/**
 * The square around all changed pixels with `room` pixels of surroundings on each side, at
 * least `smallest` wide; null where nothing changed.
 */
export function squareAround(
  before: LabelMap,
  after: LabelMap,
  room: number,
  smallest: number,
): Square | null {
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
  for (let at = 0; at < after.data.length; at++) {
    if (before.data[at] === after.data[at]) continue;
    const x = at % after.width;
    const y = Math.floor(at / after.width);
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  if (right < 0) return null;
  const most = Math.min(after.width, after.height);
  const wanted = Math.max(right - left + 1, bottom - top + 1) + 2 * room;
  const size = Math.min(most, Math.max(smallest, wanted));
  const within = (from: number, to: number, length: number) =>
    Math.max(0, Math.min(length - size, Math.round((from + to + 1 - size) / 2)));
  return { left: within(left, right, after.width), top: within(top, bottom, after.height), size };
}
