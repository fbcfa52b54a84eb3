/** How does a map of uncertainty lie over a picture? */

import { heat } from "../../ui/heat";

/** So much of the picture is covered where the parts are certain, and where they are not. */
const VEIL = 0.62;
const GLOW = 0.94;

/**
 * RGBA that darkens what is certain and glows where it is not.
 *
 * `grey` is RGBA too, as a canvas gives it: any colour channel of a grey pixel is its share.
 */
export function overlayPixels(grey: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(grey.length);
  for (let at = 0; at < grey.length; at += 4) {
    const share = (grey[at] ?? 0) / 255;
    pixels.set(heat(share), at);
    pixels[at + 3] = Math.round(255 * (VEIL + (GLOW - VEIL) * share));
  }
  return pixels;
}

/** The overlay of a grey map, ready to be drawn. */
export async function overlayOf(map: Blob): Promise<ImageBitmap> {
  const bitmap = await createImageBitmap(map);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("No canvas to read pixels from.");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return createImageBitmap(new ImageData(overlayPixels(data), width, height));
}
