/**
 * Which pixels may an edit change? The browser's view of `editing.region`, to show it
 * before optimizing: parts that gained or lost pixels, before or after, plus a margin.
 */

import type { LabelMap } from "./labels";

export interface Edit {
  /** Ids of the parts that the edit is about. */
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
  const moved = [...before.data.keys()].filter((i) => before.data[i] !== after.data[i]);
  const parts = changedParts(before, after, moved, background);
  if (parts.length === 0) return null;
  const wanted = new Set(parts);
  const covered = before.data.map((was, i) =>
    wanted.has(was) || wanted.has(after.data[i] ?? was) ? 1 : 0,
  );
  return { parts, numChanged: moved.length, region: dilate({ ...before, data: covered }, margin) };
}

const GIVE_WAY = 0.15;

/**
 * The parts that gained or lost pixels, without background and without those that merely
 * give way: less than a share of their pixels moved, and other edited parts cover every
 * pixel that changed. Skin gives way to a smile.
 */
function changedParts(
  before: LabelMap,
  after: LabelMap,
  moved: readonly number[],
  background: ReadonlySet<number>,
): number[] {
  const ends = (i: number) => [before.data[i] ?? 0, after.data[i] ?? 0] as const;
  const parts = new Set(moved.flatMap(ends).filter((part) => !background.has(part)));
  const isCovered = (i: number, by: ReadonlySet<number>) => ends(i).some((part) => by.has(part));
  const shares = [...parts].map((part) => {
    const only = new Set([part]);
    const numMoved = moved.filter((i) => isCovered(i, only)).length;
    const numAll = before.data.reduce((n, _, i) => n + Number(isCovered(i, only)), 0);
    return [part, numMoved / numAll] as const;
  });
  shares.sort(([a, shareA], [b, shareB]) => shareA - shareB || a - b);
  const inQuestion = moved.filter((i) => isCovered(i, parts));
  for (const [part, share] of shares) {
    const others = new Set(parts);
    others.delete(part);
    if (share < GIVE_WAY && inQuestion.every((i) => isCovered(i, others))) parts.delete(part);
  }
  return [...parts].sort((a, b) => a - b);
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
