import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import { type LabelMap, copyLabels, emptyLabels } from "./labels";
import { type Gesture, rasterise } from "./raster";
import type { LabelPoint } from "./space";

interface GoldenCase {
  name: string;
  width: number;
  height: number;
  /** The base shows part ((x div cell) + (y div cell)) mod parts. */
  base: { cell: number; parts: number };
  strokes: Gesture[];
  sha256: string;
}

const GOLDEN = fileURLToPath(
  new URL("../../../tests/contract/raster-golden.json", import.meta.url),
);
const golden = JSON.parse(readFileSync(GOLDEN, "utf8")) as {
  rasteriser: number;
  cases: GoldenCase[];
};

function baseOf({ width, height, base }: GoldenCase): LabelMap {
  const map = emptyLabels(width, height);
  map.data.forEach((_, i) => {
    const cells = Math.floor((i % width) / base.cell) + Math.floor(i / width / base.cell);
    map.data[i] = cells % base.parts;
  });
  return map;
}

function paint(base: LabelMap, strokes: readonly Gesture[]): LabelMap {
  const target = copyLabels(base);
  for (const stroke of strokes) rasterise(target, base, stroke);
  return target;
}

const hash = (map: LabelMap) => createHash("sha256").update(map.data).digest("hex");

const rows = (map: LabelMap) =>
  Array.from({ length: map.height }, (_, y) =>
    [...map.data.subarray(y * map.width, (y + 1) * map.width)].join(""),
  );

const stroke = (tool: Gesture["tool"], radius: number, ...points: LabelPoint[]): Gesture => ({
  tool,
  part: 1,
  radius,
  points,
});

/** The definition, slowly and in big integers: is the pixel within reach of the segment? */
function isCovered(x: number, y: number, a: LabelPoint, b: LabelPoint, radius: number): boolean {
  const [px, py] = [BigInt(16 * x + 8 - a[0]), BigInt(16 * y + 8 - a[1])];
  const [dx, dy] = [BigInt(b[0] - a[0]), BigInt(b[1] - a[1])];
  const reach = BigInt(Math.max(12, radius)) ** 2n;
  const along = px * dx + py * dy;
  const length = dx * dx + dy * dy;
  if (along <= 0n) return px * px + py * py <= reach;
  if (along >= length) return (px - dx) ** 2n + (py - dy) ** 2n <= reach;
  return (px * dy - py * dx) ** 2n <= reach * length;
}

describe("rasteriser 1", () => {
  test.each(golden.cases)("paints the golden case: $name", (golden_case) => {
    const painted = paint(baseOf(golden_case), golden_case.strokes);

    if (process.env["UPDATE_GOLDEN"]) {
      golden_case.sha256 = hash(painted);
      const text = JSON.stringify(golden, null, 1);
      writeFileSync(GOLDEN, `${text.replace(/\[\s+(-?\d+),\s+(-?\d+)\s+\]/g, "[$1, $2]")}\n`);
    }
    expect(hash(painted)).toBe(golden_case.sha256);
  });

  test("a tap paints the pixels whose centres it reaches", () => {
    const painted = paint(emptyLabels(5, 5), [stroke("brush", 16, [40, 40])]);

    expect(rows(painted)).toEqual(["00000", "00100", "01110", "00100", "00000"]);
  });

  test("the smallest brush still paints the pixel under it", () => {
    const painted = paint(emptyLabels(3, 3), [stroke("brush", 1, [24, 24])]);

    expect(rows(painted)).toEqual(["000", "010", "000"]);
  });

  test("a stroke that leaves the picture paints only what lies inside", () => {
    const painted = paint(emptyLabels(4, 2), [stroke("brush", 8, [-65536, 8], [65536, 8])]);

    expect(rows(painted)).toEqual(["1111", "0000"]);
  });

  test("brush strokes agree with the definition in big integers", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    for (let trial = 0; trial < 60; trial++) {
      const a: LabelPoint = [random(600) - 40, random(600) - 40];
      const b: LabelPoint = [random(600) - 40, random(600) - 40];
      const radius = 1 + random(90);

      const painted = paint(emptyLabels(32, 32), [stroke("brush", radius, a, b)]);

      const wanted = painted.data.map((_, i) =>
        Number(isCovered(i % 32, Math.floor(i / 32), a, b, radius)),
      );
      expect(painted.data).toEqual(wanted);
    }
  });

  test("numbers too large for doubles are compared exactly", () => {
    const far: [LabelPoint, LabelPoint] = [
      [-65536, -65535],
      [65536, 65529],
    ];

    const painted = paint(emptyLabels(64, 64), [stroke("brush", 96, ...far)]);

    const wanted = painted.data.map((_, i) =>
      Number(isCovered(i % 64, Math.floor(i / 64), ...far, 96)),
    );
    expect(painted.data).toEqual(wanted);
  });

  test("a polygon covers centres inside and stops at the picture's edge", () => {
    const square = stroke("polygon", 1, [16, 16], [64, 16], [64, 320], [16, 320]);

    expect(rows(paint(emptyLabels(5, 3), [square]))).toEqual(["00000", "01110", "01110"]);
  });

  test("a polygon that crosses itself leaves its middle free", () => {
    const outer: LabelPoint[] = [[0, 0], [80, 0], [80, 80], [0, 80], [0, 0]];
    const inner: LabelPoint[] = [[32, 32], [48, 32], [48, 48], [32, 48], [32, 32]];

    const painted = paint(emptyLabels(5, 5), [stroke("polygon", 1, ...outer, ...inner)]);

    expect(rows(painted)[2]).toBe("11011");
  });

  test("filling stops at other parts and does not pass corners", () => {
    const base = emptyLabels(4, 4);
    base.data.set([2, 2, 0, 0, 2, 2, 0, 0, 0, 0, 2, 2, 0, 0, 2, 2]);

    const painted = paint(base, [stroke("fill", 1, [4, 4])]);

    expect(rows(painted)).toEqual(["1100", "1100", "0022", "0022"]);
  });

  test("restore brings back the base and nothing else", () => {
    const base = emptyLabels(4, 1, 3);

    const painted = paint(base, [
      stroke("brush", 8, [0, 8], [64, 8]),
      stroke("restore", 8, [0, 8], [24, 8]),
    ]);

    expect(rows(painted)).toEqual(["3311"]);
  });
});
