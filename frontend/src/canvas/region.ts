/**
 * Which pixels may an edit change? The browser's view of `editing.region`, to show it
 * before optimizing: parts that gained or lost pixels, before or after, plus a margin.
 */

import type { LabelMap } from "./labels";

export interface Edit {
  /** Ids of the parts that gained or lost pixels, background left out. */
  readonly parts: readonly number[];
  /** Pixels whose part changed. */
  readonly numChanged: number;
  /** 1 where the edit may act. */
  readonly region: LabelMap;
}

/** The edit from `before` to `after`, or null where nothing but background changed. */
export function findEdit(
  before: LabelMap,
  after: LabelMap,
  background: ReadonlySet<number>,
  margin: number,
): Edit | null {
  const touched = new Set<number>();
  let numChanged = 0;
  before.data.forEach((was, i) => {
    const is = after.data[i] ?? was;
    if (was === is) return;
    numChanged += 1;
    touched.add(was).add(is);
  });
  const parts = [...touched].filter((part) => !background.has(part)).sort((a, b) => a - b);
  if (parts.length === 0) return null;
  const wanted = new Set(parts);
  const covered = before.data.map((was, i) =>
    wanted.has(was) || wanted.has(after.data[i] ?? was) ? 1 : 0,
  );
  return { parts, numChanged, region: dilate({ ...before, data: covered }, margin) };
}

/** The 0/1 map grown by a square of `margin` pixels, one axis after the other. */
function dilate(map: LabelMap, margin: number): LabelMap {
  const { width, height } = map;
  const rows = new Uint8Array(width * height);
  const grown = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!map.data[y * width + x]) continue;
      rows.fill(1, y * width + Math.max(0, x - margin), y * width + Math.min(width, x + margin + 1));
    }
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!rows[y * width + x]) continue;
      const end = Math.min(height - 1, y + margin);
      for (let row = Math.max(0, y - margin); row <= end; row++) grown[row * width + x] = 1;
    }
  }
  return { width, height, data: grown };
}

/** The reach of an edit beyond its parts, in label-map pixels, as the engine chooses it. */
export const defaultMargin = (labelSize: number): number =>
  Math.max(1, Math.floor((5 * labelSize + 256) / 512));
