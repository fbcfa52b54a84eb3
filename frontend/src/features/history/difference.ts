/** How do two pictures differ? A heat picture and the share of pixels that changed. */

import { heat } from "../../ui/heat";

export const GAIN = 3;
/** A pixel counts as changed beyond this mean difference of its channels, share of the range. */
export const VISIBLE = 0.04;

export interface Difference {
  /** RGBA, as many pixels as the pictures. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
  readonly changedShare: number;
}

/** The difference of two pictures of RGBA bytes and one size. */
export function difference(one: Uint8ClampedArray, other: Uint8ClampedArray): Difference {
  const pixels = new Uint8ClampedArray(one.length);
  let changed = 0;
  for (let at = 0; at < one.length; at += 4) {
    let sum = 0;
    for (let channel = 0; channel < 3; channel += 1) {
      sum += Math.abs((one[at + channel] ?? 0) - (other[at + channel] ?? 0));
    }
    const mean = sum / 3 / 255;
    if (mean > VISIBLE) changed += 1;
    const [red, green, blue] = heat(mean * GAIN);
    pixels[at] = red;
    pixels[at + 1] = green;
    pixels[at + 2] = blue;
    pixels[at + 3] = 255;
  }
  return { pixels, changedShare: one.length ? changed / (one.length / 4) : 0 };
}
