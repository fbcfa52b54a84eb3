/**
 * Where does the square lie on an upload? Geometry of the crop, in whole pixels of the upright
 * picture before it is turned; `turns` counts quarter turns clockwise of what is cut out.
 */

import type { Crop } from "../../api/client";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Square {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly turns: number;
}

export const LEAST_SIDE = 16;

const shorter = ({ width, height }: Size) => Math.min(width, height);
const within = (value: number, least: number, most: number) =>
  Math.min(Math.max(value, least), Math.max(least, most));

/** The largest square in the middle. */
export function centreSquare(picture: Size, turns = 0): Square {
  const size = shorter(picture);
  return {
    x: Math.floor((picture.width - size) / 2),
    y: Math.floor((picture.height - size) / 2),
    size,
    turns,
  };
}

/** The nearest square of whole pixels that lies inside the picture. */
export function inside(square: Square, picture: Size): Square {
  const most = shorter(picture);
  const size = Math.round(within(square.size, Math.min(LEAST_SIDE, most), most));
  return {
    x: Math.round(within(square.x, 0, picture.width - size)),
    y: Math.round(within(square.y, 0, picture.height - size)),
    size,
    turns: ((Math.round(square.turns) % 4) + 4) % 4,
  };
}

export function moved(square: Square, dx: number, dy: number, picture: Size): Square {
  return inside({ ...square, x: square.x + dx, y: square.y + dy }, picture);
}

/** The square at another size around its own middle, as far as the picture allows. */
export function resized(square: Square, size: number, picture: Size): Square {
  const most = shorter(picture);
  const next = Math.round(within(size, Math.min(LEAST_SIDE, most), most));
  const shift = (square.size - next) / 2;
  return inside({ ...square, x: square.x + shift, y: square.y + shift, size: next }, picture);
}

export function turned(square: Square, by = 1): Square {
  return { ...square, turns: (((square.turns + by) % 4) + 4) % 4 };
}

/** A distance on the turned screen as a distance on the picture before turning. */
export function unturned(dx: number, dy: number, turns: number): readonly [number, number] {
  switch (((turns % 4) + 4) % 4) {
    case 1:
      return [dy, -dx];
    case 2:
      return [-dx, -dy];
    case 3:
      return [-dy, dx];
    default:
      return [dx, dy];
  }
}

/** How far the square is zoomed in: 1 shows as much as fits. */
export function zoomOf(square: Square, picture: Size): number {
  return shorter(picture) / square.size;
}

export function mostZoom(picture: Size): number {
  return Math.max(1, shorter(picture) / Math.min(LEAST_SIDE * 4, shorter(picture)));
}

export function toCrop(square: Square): Crop {
  return { x: square.x, y: square.y, size: square.size, turns: square.turns };
}
