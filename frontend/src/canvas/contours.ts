/**
 * Where do the outlines of parts run? Closed loops traced on the label map.
 *
 * A loop follows the pixel edges around a part. For drawing it is eased: every corner is
 * replaced by the middles of its edges, then smoothed without shrinking (Taubin 1995), and
 * no point moves further than half a pixel from the traced edge. The label map itself is
 * never smoothed.
 */

import { type LabelMap, partAt } from "./labels";

/** Closed loop: x0, y0, x1, y1, … in label-map pixels. */
export type Loop = Float32Array;

const SMOOTH = [0.5, -0.53, 0.5, -0.53] as const;
const MAX_SHIFT = 0.5;

/** Eased outlines of every part that the map shows, by part id. */
export function traceParts(map: LabelMap): Map<number, Loop[]> {
  // One more pixel around, repeating the border: outlines then leave the picture at a
  // right angle instead of rounding its corners.
  const padded = pad(map);
  const edges = new Map<number, EdgeSet>();
  for (let y = 0; y < padded.height; y++) {
    for (let x = 0; x < padded.width; x++) {
      const part = padded.data[y * padded.width + x] ?? 0;
      const differs = (nx: number, ny: number) => partAt(padded, nx, ny) !== part;
      const add = (fromX: number, fromY: number, direction: number) => {
        let set = edges.get(part);
        if (!set) edges.set(part, (set = new EdgeSet(padded.width + 1)));
        set.add(fromX, fromY, direction);
      };
      // Clockwise around the pixel, so the part lies to the right of every edge.
      if (differs(x, y - 1)) add(x, y, EAST);
      if (differs(x + 1, y)) add(x + 1, y, SOUTH);
      if (differs(x, y + 1)) add(x + 1, y + 1, WEST);
      if (differs(x - 1, y)) add(x, y + 1, NORTH);
    }
  }
  return new Map([...edges].map(([part, set]) => [part, set.loops().map(ease)]));
}

/** Eased outlines of the pixels that are not 0. */
export const traceMask = (map: LabelMap): Loop[] =>
  [...traceParts(map)].flatMap(([part, loops]) => (part === 0 ? [] : loops));

const EAST = 0;
const SOUTH = 1;
const WEST = 2;
const NORTH = 3;
const STEP_X = [1, 0, -1, 0] as const;
const STEP_Y = [0, 1, 0, -1] as const;

function pad(map: LabelMap): LabelMap {
  const width = map.width + 2;
  const height = map.height + 2;
  const data = new Uint8Array(width * height);
  const clamp = (value: number, size: number) => Math.max(0, Math.min(size - 1, value));
  for (let y = 0; y < height; y++) {
    const row = clamp(y - 1, map.height) * map.width;
    for (let x = 0; x < width; x++) {
      data[y * width + x] = map.data[row + clamp(x - 1, map.width)] ?? 0;
    }
  }
  return { width, height, data };
}

/** Directed edges by the corner they start at: a bit per direction. */
class EdgeSet {
  private readonly from = new Map<number, number>();

  constructor(private readonly stride: number) {}

  add(x: number, y: number, direction: number): void {
    const corner = y * this.stride + x;
    this.from.set(corner, (this.from.get(corner) ?? 0) | (1 << direction));
  }

  /** Takes the edges apart into closed loops of edge middles, in unpadded pixels. */
  loops(): Float32Array[] {
    const loops: Float32Array[] = [];
    for (const [start] of this.from) {
      for (let first = this.any(start); first !== null; first = this.any(start)) {
        loops.push(this.follow(start, first));
      }
    }
    return loops;
  }

  private any(corner: number): number | null {
    const directions = this.from.get(corner) ?? 0;
    for (const direction of [EAST, SOUTH, WEST, NORTH]) {
      if (directions & (1 << direction)) return direction;
    }
    return null;
  }

  private follow(start: number, first: number): Float32Array {
    const middles: number[] = [];
    let x = start % this.stride;
    let y = Math.floor(start / this.stride);
    for (let direction: number | null = first; direction !== null; ) {
      const corner = y * this.stride + x;
      this.from.set(corner, (this.from.get(corner) ?? 0) & ~(1 << direction));
      const dx = STEP_X[direction] ?? 0;
      const dy = STEP_Y[direction] ?? 0;
      middles.push(x + dx / 2 - 1, y + dy / 2 - 1);
      x += dx;
      y += dy;
      direction = this.turn(y * this.stride + x, direction);
    }
    return Float32Array.from(middles);
  }

  /** Where two loops touch at a corner, the sharper turn keeps them apart. */
  private turn(corner: number, direction: number): number | null {
    const directions = this.from.get(corner) ?? 0;
    for (const next of [(direction + 1) % 4, direction, (direction + 3) % 4]) {
      if (directions & (1 << next)) return next;
    }
    return null;
  }
}

function ease(traced: Float32Array): Loop {
  const size = traced.length;
  if (size < 8) return traced;
  let from = traced;
  for (const factor of SMOOTH) {
    const to = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      const value = from[i] ?? 0;
      const around = ((from[(i + size - 2) % size] ?? 0) + (from[(i + 2) % size] ?? 0)) / 2;
      const moved = value + factor * (around - value);
      const origin = traced[i] ?? 0;
      to[i] = Math.max(origin - MAX_SHIFT, Math.min(origin + MAX_SHIFT, moved));
    }
    from = to;
  }
  return from;
}

/** Where the closed curve through the loop's middles goes, told to a path. */
export interface PathSink {
  moveTo(x: number, y: number): void;
  quadraticCurveTo(cx: number, cy: number, x: number, y: number): void;
  closePath(): void;
}

/** Draws loops as closed smooth curves: each point bends the curve between its neighbours. */
export function sendLoops(loops: readonly Loop[], sink: PathSink): void {
  for (const loop of loops) {
    const size = loop.length;
    const at = (i: number) => loop[(i + size) % size] ?? 0;
    sink.moveTo((at(-2) + at(0)) / 2, (at(-1) + at(1)) / 2);
    for (let i = 0; i < size; i += 2) {
      sink.quadraticCurveTo(at(i), at(i + 1), (at(i) + at(i + 2)) / 2, (at(i + 1) + at(i + 3)) / 2);
    }
    sink.closePath();
  }
}
