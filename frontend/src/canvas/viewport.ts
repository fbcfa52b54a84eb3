/**
 * Where on the screen does the picture lie? An immutable mapping between spaces.
 *
 * `scale` is CSS pixels per label-map pixel; `left`, `top` place the picture's corner.
 */

import { type ImagePoint, type ScreenPoint, imagePoint, screenPoint } from "./space";

export interface Viewport {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

export interface Extent {
  readonly width: number;
  readonly height: number;
}

const MIN_SCALE = 0.5;
const MAX_SCALE = 96;

/** The picture centred and whole, at most `largest` CSS pixels wide and tall. */
export function fit(view: Extent, picture: Extent, largest: number, margin = 0): Viewport {
  const room = Math.min(
    (view.width - 2 * margin) / picture.width,
    (view.height - 2 * margin) / picture.height,
    largest / Math.max(picture.width, picture.height),
  );
  const scale = Math.max(MIN_SCALE, room);
  return {
    scale,
    left: Math.round((view.width - picture.width * scale) / 2),
    top: Math.round((view.height - picture.height * scale) / 2),
  };
}

export const toImage = (view: Viewport, point: ScreenPoint): ImagePoint =>
  imagePoint((point.x - view.left) / view.scale, (point.y - view.top) / view.scale);

export const toScreen = (view: Viewport, point: ImagePoint): ScreenPoint =>
  screenPoint(point.x * view.scale + view.left, point.y * view.scale + view.top);

/** Zoomed by `factor`, with the picture under `anchor` staying where it is. */
export function zoomAt(view: Viewport, anchor: ScreenPoint, factor: number): Viewport {
  const scale = Math.max(MIN_SCALE, Math.min(MAX_SCALE, view.scale * factor));
  const ratio = scale / view.scale;
  return {
    scale,
    left: anchor.x - (anchor.x - view.left) * ratio,
    top: anchor.y - (anchor.y - view.top) * ratio,
  };
}

export const panBy = (view: Viewport, dx: number, dy: number): Viewport => ({
  scale: view.scale,
  left: view.left + dx,
  top: view.top + dy,
});

/** Panned back so that at least `keep` CSS pixels of the picture stay in sight. */
export function keepInSight(
  view: Viewport,
  screen: Extent,
  picture: Extent,
  keep = 64,
): Viewport {
  const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));
  return {
    scale: view.scale,
    left: clamp(view.left, keep - picture.width * view.scale, screen.width - keep),
    top: clamp(view.top, keep - picture.height * view.scale, screen.height - keep),
  };
}
