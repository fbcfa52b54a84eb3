/**
 * How does a label map travel? As a PNG of part ids: grey or indexed, read without the
 * browser's own decoder, which would turn ids into colours.
 */

import type { LabelMap } from "./labels";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10] as const;
const GREY = 0;
const INDEXED = 3;

export class BadLabelMapError extends Error {
  override name = "BadLabelMapError";
}

/** The part ids in a PNG of up to 8 bits per pixel, grey or indexed, not interlaced. */
export async function decodeLabels(bytes: Uint8Array): Promise<LabelMap> {
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw new BadLabelMapError("not a PNG");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: { width: number; height: number; depth: number } | null = null;
  const packed: Uint8Array[] = [];
  for (let at = SIGNATURE.length; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const start = at + 8;
    if (kind === "IHDR") {
      const [depth, color, interlaced] = [bytes[start + 8], bytes[start + 9], bytes[start + 12]];
      if (depth === undefined || depth > 8 || interlaced !== 0) {
        throw new BadLabelMapError("this kind of PNG holds no label map");
      }
      if (color !== GREY && color !== INDEXED) throw new BadLabelMapError("PNG of colours");
      header = { width: view.getUint32(start), height: view.getUint32(start + 4), depth };
    } else if (kind === "IDAT") {
      packed.push(bytes.subarray(start, start + length));
    }
    at = start + length + 4;
  }
  if (!header) throw new BadLabelMapError("PNG without header");
  const raw = await pipe(packed, new DecompressionStream("deflate"));
  return unfilter(raw, header.width, header.height, header.depth);
}

/** The label map as a PNG, 8-bit grey. */
export async function encodeLabels(map: LabelMap): Promise<Blob> {
  const rows = new Uint8Array((map.width + 1) * map.height);
  for (let y = 0; y < map.height; y++) {
    rows.set(map.data.subarray(y * map.width, (y + 1) * map.width), y * (map.width + 1) + 1);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, map.width);
  view.setUint32(4, map.height);
  header[8] = 8;
  header[9] = GREY;
  const packed = await pipe([rows], new CompressionStream("deflate"));
  const parts = [
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", packed),
    chunk("IEND", new Uint8Array(0)),
  ];
  return new Blob(parts as BlobPart[], { type: "image/png" });
}

async function pipe(
  chunks: readonly Uint8Array[],
  transform: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  const writer = transform.writable.getWriter();
  const written = (async () => {
    for (const each of chunks) await writer.write(each as Uint8Array<ArrayBuffer>);
    await writer.close();
  })();
  const [bytes] = await Promise.all([new Response(transform.readable).arrayBuffer(), written]);
  return new Uint8Array(bytes);
}

function unfilter(raw: Uint8Array, width: number, height: number, depth: number): LabelMap {
  const stride = Math.ceil((width * depth) / 8);
  if (raw.length < (stride + 1) * height) throw new BadLabelMapError("PNG ends too early");
  const data = new Uint8Array(width * height);
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    const start = y * (stride + 1);
    const filter = raw[start] ?? 0;
    const row = raw.slice(start + 1, start + 1 + stride);
    for (let i = 0; i < stride; i++) {
      const left = i > 0 ? (row[i - 1] ?? 0) : 0;
      const up = above[i] ?? 0;
      const corner = i > 0 ? (above[i - 1] ?? 0) : 0;
      row[i] = ((row[i] ?? 0) + predict(filter, left, up, corner)) & 255;
    }
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const byte = row[bit >> 3] ?? 0;
      data[y * width + x] = (byte >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    }
    above = row;
  }
  return { width, height, data };
}

function predict(filter: number, left: number, up: number, corner: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4: {
      const guess = left + up - corner;
      const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
      return a <= b && a <= c ? left : b <= c ? up : corner;
    }
    default:
      return 0;
  }
}

function chunk(kind: string, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = kind.charCodeAt(i);
  bytes.set(body, 8);
  view.setUint32(body.length + 8, crc(bytes.subarray(4, body.length + 8)));
  return bytes;
}

function crc(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}
