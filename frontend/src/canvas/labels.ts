/** What part lies where? A label map: one part id per pixel, rows from the top. */

export interface LabelMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export const emptyLabels = (width: number, height: number, part = 0): LabelMap => ({
  width,
  height,
  data: new Uint8Array(width * height).fill(part),
});

export const copyLabels = (map: LabelMap): LabelMap => ({ ...map, data: map.data.slice() });

/** The part at a pixel, or null outside the map. */
export function partAt(map: LabelMap, x: number, y: number): number | null {
  if (x < 0 || y < 0 || x >= map.width || y >= map.height) return null;
  return map.data[Math.floor(y) * map.width + Math.floor(x)] ?? null;
}

export const sameLabels = (a: LabelMap, b: LabelMap): boolean =>
  a.width === b.width && a.height === b.height && a.data.every((part, i) => part === b.data[i]);

/** How many pixels of each part a map shows, by part id. */
export function countParts(map: LabelMap): Map<number, number> {
  const counts = new Map<number, number>();
  for (const part of map.data) counts.set(part, (counts.get(part) ?? 0) + 1);
  return counts;
}
