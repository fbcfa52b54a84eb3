/**
 * Which label-map pixels does a stroke cover? Rasteriser version 1.
 *
 * Integers only, so that every replica gets the same map: points and radius are sixteenths
 * of a pixel, and pixel (x, y) is judged at its centre (16 x + 8, 16 y + 8).
 *
 * - brush, restore: centres within `radius` of the polyline, border included. A radius
 *   below 12 counts as 12, so that every tap reaches at least one pixel.
 * - polygon: centres inside by the even-odd rule, closed from last point to first; a
 *   centre exactly on an edge belongs to the side with larger x.
 * - fill: the 4-connected area of equal part around the pixel of the first point.
 *
 * Brush, polygon and fill write `part`; restore writes the base map. A change here is a
 * new version, and `tests/contract/raster-golden.json` holds this one in place.
 */

import type { LabelMap } from "./labels";
import { type LabelPoint, SUBPIXELS } from "./space";

export const RASTERISER = 1;
const MIN_RADIUS = 12;
const CENTRE = SUBPIXELS / 2;

export interface Gesture {
  readonly tool: "brush" | "polygon" | "fill" | "restore";
  readonly part: number;
  readonly radius: number;
  readonly points: readonly LabelPoint[];
}

/** Draws a gesture into `target`. `base` is what `restore` brings back. */
export function rasterise(target: LabelMap, base: LabelMap, gesture: Gesture): void {
  const { part, points } = gesture;
  switch (gesture.tool) {
    case "brush":
      coverPolyline(target, points, gesture.radius, (at) => {
        target.data[at] = part;
      });
      return;
    case "restore":
      coverPolyline(target, points, gesture.radius, (at) => {
        target.data[at] = base.data[at] ?? 0;
      });
      return;
    case "polygon":
      coverPolygon(target, points, (at) => {
        target.data[at] = part;
      });
      return;
    case "fill":
      flood(target, points[0], part);
  }
}

type Cover = (index: number) => void;

function coverPolyline(
  map: LabelMap,
  points: readonly LabelPoint[],
  radius: number,
  cover: Cover,
): void {
  const reach = Math.max(MIN_RADIUS, radius);
  points.forEach((to, i) => {
    if (i > 0 || points.length === 1) coverCapsule(map, points[i - 1] ?? to, to, reach, cover);
  });
}

/** Covers every pixel whose centre lies within `radius` of the segment. */
function coverCapsule(
  map: LabelMap,
  from: LabelPoint,
  to: LabelPoint,
  radius: number,
  cover: Cover,
): void {
  const [ax, ay] = from;
  const dx = to[0] - ax;
  const dy = to[1] - ay;
  const length2 = dx * dx + dy * dy;
  const radius2 = radius * radius;
  const left = Math.max(0, Math.floor((Math.min(ax, to[0]) - radius - CENTRE) / SUBPIXELS));
  const right = Math.min(
    map.width - 1,
    Math.ceil((Math.max(ax, to[0]) + radius - CENTRE) / SUBPIXELS),
  );
  const top = Math.max(0, Math.floor((Math.min(ay, to[1]) - radius - CENTRE) / SUBPIXELS));
  const bottom = Math.min(
    map.height - 1,
    Math.ceil((Math.max(ay, to[1]) + radius - CENTRE) / SUBPIXELS),
  );
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const px = x * SUBPIXELS + CENTRE - ax;
      const py = y * SUBPIXELS + CENTRE - ay;
      const along = px * dx + py * dy;
      let inside: boolean;
      if (along <= 0) inside = px * px + py * py <= radius2;
      else if (along >= length2) inside = (px - dx) ** 2 + (py - dy) ** 2 <= radius2;
      else inside = squareAtMost(px * dy - py * dx, radius2, length2);
      if (inside) cover(y * map.width + x);
    }
  }
}

/** Whether value² ≤ a · b, exactly: with big integers where doubles would round. */
function squareAtMost(value: number, a: number, b: number): boolean {
  const square = value * value;
  const product = a * b;
  if (square <= Number.MAX_SAFE_INTEGER && product <= Number.MAX_SAFE_INTEGER) {
    return square <= product;
  }
  return BigInt(value) ** 2n <= BigInt(a) * BigInt(b);
}

/** Covers every pixel whose centre lies inside the closed polygon, by the even-odd rule. */
function coverPolygon(map: LabelMap, points: readonly LabelPoint[], cover: Cover): void {
  if (points.length < 3) return;
  for (let y = 0; y < map.height; y++) {
    const cy = y * SUBPIXELS + CENTRE;
    const crossings: number[] = [];
    points.forEach((end, i) => {
      const start = points[i === 0 ? points.length - 1 : i - 1] ?? end;
      if (start[1] <= cy === end[1] <= cy) return;
      const [low, high] = start[1] < end[1] ? [start, end] : [end, start];
      const dy = high[1] - low[1];
      const x = low[0] * dy + (cy - low[1]) * (high[0] - low[0]); // times dy
      const first = Math.ceil((x - CENTRE * dy) / (SUBPIXELS * dy)); // centres from here on
      crossings.push(Math.max(0, Math.min(map.width, first)));
    });
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const end = crossings[i + 1] ?? 0;
      for (let x = crossings[i] ?? end; x < end; x++) cover(y * map.width + x);
    }
  }
}

function flood(map: LabelMap, seed: LabelPoint | undefined, part: number): void {
  if (!seed) return;
  const x = Math.floor(seed[0] / SUBPIXELS);
  const y = Math.floor(seed[1] / SUBPIXELS);
  if (x < 0 || y < 0 || x >= map.width || y >= map.height) return;
  const start = y * map.width + x;
  const replaced = map.data[start];
  if (replaced === part) return;
  const waiting = [start];
  map.data[start] = part;
  const visit = (at: number) => {
    if (map.data[at] !== replaced) return;
    map.data[at] = part;
    waiting.push(at);
  };
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const column = at % map.width;
    if (column > 0) visit(at - 1);
    if (column < map.width - 1) visit(at + 1);
    if (at >= map.width) visit(at - map.width);
    if (at < map.data.length - map.width) visit(at + map.width);
  }
}
