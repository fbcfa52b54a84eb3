/** A label map as a short text, for the browser's storage: lengths of runs of one part. */

import type { LabelMap } from "../../canvas/labels";

/** "0:12,3:4": twelve pixels of part 0, four of part 3. */
export function packed({ data }: LabelMap): string {
  const runs: string[] = [];
  for (let at = 0; at < data.length;) {
    const part = data[at] ?? 0;
    let end = at + 1;
    while (end < data.length && data[end] === part) end += 1;
    runs.push(`${part}:${end - at}`);
    at = end;
  }
  return runs.join(",");
}

/** The square map of `size` in `text`; null if it is none. */
export function unpacked(text: string, size: number): LabelMap | null {
  const data = new Uint8Array(size * size);
  let at = 0;
  for (const run of text.split(",")) {
    const [part, length] = run.split(":").map(Number);
    if (part === undefined || length === undefined || !(part >= 0 && part < 256)) return null;
    if (!(length > 0) || at + length > data.length) return null;
    data.fill(part, at, at + length);
    at += length;
  }
  return at === data.length ? { width: size, height: size, data } : null;
}
