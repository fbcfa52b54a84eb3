/** How do two pictures differ? A heat picture and the share of pixels that changed. */

const HEAT: readonly (readonly [number, number, number])[] = [
  [0x0e, 0x0e, 0x10],
  [0x3c, 0x1e, 0x50],
  [0x96, 0x32, 0x5a],
  [0xe2, 0x6e, 0x3c],
  [0xfa, 0xbe, 0x50],
  [0xff, 0xf8, 0xd7],
];

export const GAIN = 3;
/** A pixel counts as changed beyond this mean difference of its channels, share of the range. */
export const VISIBLE = 0.04;

/** The colour of a difference from 0 to 1. */
export function heat(value: number): readonly [number, number, number] {
  const place = Math.min(1, Math.max(0, value)) * (HEAT.length - 1);
  const low = Math.min(HEAT.length - 2, Math.floor(place));
  const part = place - low;
  const from = HEAT[low] ?? [0, 0, 0];
  const to = HEAT[low + 1] ?? from;
  const mix = (channel: 0 | 1 | 2) =>
    Math.round(from[channel] + (to[channel] - from[channel]) * part);
  return [mix(0), mix(1), mix(2)];
}

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
