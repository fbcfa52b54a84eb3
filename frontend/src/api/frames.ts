/**
 * What is in a binary message? A fixed big-endian header of 47 bytes, then a picture.
 * The other end is `webapp/common/frames.py`.
 */

export interface Frame {
  readonly stream: string;
  readonly epoch: number;
  readonly seq: number;
  readonly step: number; // 0 for sliders
  readonly baseRevisionId: string;
  readonly picture: Blob;
}

const HEADER_BYTES = 47;
const KIND_FRAME = 1;
const PROTOCOL = 1;
const FORMATS: Readonly<Record<number, string>> = {
  1: "image/png",
  2: "image/jpeg",
  3: "image/webp",
};

/** The frame in `data`, or null if it is none that this browser knows. */
export function parseFrame(data: ArrayBuffer): Frame | null {
  if (data.byteLength <= HEADER_BYTES) return null;
  const view = new DataView(data);
  const type = FORMATS[view.getUint8(2)];
  if (view.getUint8(0) !== KIND_FRAME || view.getUint8(1) !== PROTOCOL || !type) return null;
  return {
    stream: uuid(data, 3),
    epoch: view.getUint32(19),
    seq: view.getUint32(23),
    step: view.getUint32(27),
    baseRevisionId: uuid(data, 31),
    picture: new Blob([data.slice(HEADER_BYTES)], { type }),
  };
}

function uuid(data: ArrayBuffer, offset: number): string {
  const hex = [...new Uint8Array(data, offset, 16)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Tells new frames from old: by (epoch, seq) per stream, equal counts as old. */
export class NewestOnly {
  private readonly newest = new Map<string, readonly [epoch: number, seq: number]>();

  accept({ stream, epoch, seq }: Pick<Frame, "stream" | "epoch" | "seq">): boolean {
    const [wasEpoch, wasSeq] = this.newest.get(stream) ?? [-1, -1];
    if (epoch < wasEpoch || (epoch === wasEpoch && seq <= wasSeq)) return false;
    this.newest.set(stream, [epoch, seq]);
    return true;
  }
}
