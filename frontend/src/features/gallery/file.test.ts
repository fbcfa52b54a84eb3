import { expect, test } from "vitest";

import { nameFromFile, refusal, saidSize } from "./file";

function pngHead(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(33);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x89504e47);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
}

test("a PNG says its size in its first bytes", () => {
  expect(saidSize(pngHead(30_000, 20_000))).toEqual({ width: 30_000, height: 20_000 });
});

test("a JPEG says its size behind the segments that come first", () => {
  const bytes = new Uint8Array([
    0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 17, 8, 0, 120, 0, 200, 3, 0, 0,
  ]);

  expect(saidSize(bytes)).toEqual({ width: 200, height: 120 });
});

test("nothing is said about the size of text", () => {
  expect(saidSize(new TextEncoder().encode("this is not a picture at all"))).toBeNull();
});

test("a file of 900 million pixels is refused before it is sent", () => {
  expect(refusal(1_000_000, { width: 30_000, height: 30_000 })).toBe(
    "This picture has 900 million pixels. The most is 40 million; make it smaller and try again.",
  );
});

test("an empty file and one of 40 MB are refused before they are sent", () => {
  expect(refusal(0, null)).toMatch(/^This file is empty\./);
  expect(refusal(40_000_000, null)).toBe(
    "This file has 40 MB. The most is 25 MB; make it smaller and try again.",
  );
});

test("a picture of ordinary size may go", () => {
  expect(refusal(2_000_000, { width: 1600, height: 1600 })).toBeNull();
});

test("a picture is named after its file", () => {
  expect(nameFromFile("my_fox-poster.final.png")).toBe("My fox poster final");
  expect(nameFromFile(".png")).toBe("Untitled");
});
