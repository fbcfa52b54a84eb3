/**
 * In which space is this point? Three spaces, told apart by type.
 *
 * Screen points are CSS pixels from the corner of the canvas element. Image points are
 * label-map pixels, fractional, from the corner of the picture. Label points are whole
 * sixteenths of a label-map pixel: the only ones that are stored, sent or rasterised.
 */

export interface ScreenPoint {
  readonly space: "screen";
  readonly x: number;
  readonly y: number;
}

export interface ImagePoint {
  readonly space: "image";
  readonly x: number;
  readonly y: number;
}

/** x, y in sixteenths of a label-map pixel, integers. */
export type LabelPoint = readonly [x: number, y: number];

export const SUBPIXELS = 16;
const MAX_SUBPIXEL = 65536;

export const screenPoint = (x: number, y: number): ScreenPoint => ({ space: "screen", x, y });
export const imagePoint = (x: number, y: number): ImagePoint => ({ space: "image", x, y });

const toSubpixel = (value: number): number =>
  Math.max(-MAX_SUBPIXEL, Math.min(MAX_SUBPIXEL, Math.round(value * SUBPIXELS))) || 0;

/** The nearest label point, kept inside the range that the server accepts. */
export const toLabel = (point: ImagePoint): LabelPoint => [toSubpixel(point.x), toSubpixel(point.y)];

export const fromLabel = ([x, y]: LabelPoint): ImagePoint =>
  imagePoint(x / SUBPIXELS, y / SUBPIXELS);
