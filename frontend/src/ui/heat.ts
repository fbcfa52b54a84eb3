/** What colour is a share on the heat scale? */

const SCALE: readonly (readonly [number, number, number])[] = [
  [0x0e, 0x0e, 0x10],
  [0x3c, 0x1e, 0x50],
  [0x96, 0x32, 0x5a],
  [0xe2, 0x6e, 0x3c],
  [0xfa, 0xbe, 0x50],
  [0xff, 0xf8, 0xd7],
];

/** The colour of a share from 0 to 1. */
export function heat(share: number): readonly [number, number, number] {
  const place = Math.min(1, Math.max(0, share)) * (SCALE.length - 1);
  const low = Math.min(SCALE.length - 2, Math.floor(place));
  const part = place - low;
  const from = SCALE[low] ?? [0, 0, 0];
  const to = SCALE[low + 1] ?? from;
  const mix = (channel: 0 | 1 | 2) =>
    Math.round(from[channel] + (to[channel] - from[channel]) * part);
  return [mix(0), mix(1), mix(2)];
}
