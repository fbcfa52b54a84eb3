import { deflateSync } from "node:zlib";

import { expect, test } from "vitest";

import { BadLabelMapError, decodeLabels, encodeLabels } from "./labelpng";
import { emptyLabels } from "./labels";

const bytesOf = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());

function chunk(kind: string, body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, Buffer.from(kind), body, Buffer.alloc(4)]); // CRC is not read
}

function png(width: number, height: number, depth: number, color: number, raw: number[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, color], 8);
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Uint8Array.from(raw))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

test("a label map comes back from its PNG as it was", async () => {
  const map = emptyLabels(5, 3);
  map.data.set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255, 12, 13, 14]);

  expect(await decodeLabels(await bytesOf(await encodeLabels(map)))).toEqual(map);
});

test("indexed PNGs of four bits give ids, not colours", async () => {
  const map = await decodeLabels(png(3, 2, 4, 3, [0, 0x12, 0x30, 0, 0x45, 0x60]));

  expect([...map.data]).toEqual([1, 2, 3, 4, 5, 6]);
});

test("every row filter is undone", async () => {
  const raw = [
    ...[1, 5, 1, 1], // left: 5 6 7
    ...[2, 1, 1, 1], // up: 6 7 8
    ...[3, 1, 1, 1], // average of left and up: 4 6 8
    ...[4, 1, 1, 1], // Paeth: 5 7 9
  ];

  const map = await decodeLabels(png(3, 4, 8, 0, raw));

  expect([...map.data]).toEqual([5, 6, 7, 6, 7, 8, 4, 6, 8, 5, 7, 9]);
});

test("a PNG of colours is refused", async () => {
  await expect(decodeLabels(png(1, 1, 8, 2, [0, 1, 2, 3]))).rejects.toThrow(BadLabelMapError);
});

test("a PNG that ends too early is refused", async () => {
  await expect(decodeLabels(png(4, 4, 8, 0, [0, 1, 2]))).rejects.toThrow("too early");
});
