import { expect, test } from "vitest";

import { traceMask, traceParts } from "./contours";
import { emptyLabels } from "./labels";
import { defaultMargin, findEdit } from "./region";

function area(loop: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < loop.length; i += 2) {
    const [x, y] = [loop[i] ?? 0, loop[i + 1] ?? 0];
    const [nx, ny] = [loop[(i + 2) % loop.length] ?? 0, loop[(i + 3) % loop.length] ?? 0];
    sum += (x * ny - nx * y) / 2;
  }
  return sum;
}

function disc(radius: number) {
  const map = emptyLabels(32, 32);
  map.data.forEach((_, i) => {
    const [x, y] = [(i % 32) - 15.5, Math.floor(i / 32) - 15.5];
    if (x * x + y * y <= radius * radius) map.data[i] = 1;
  });
  return map;
}

test("a disc is traced as one loop of nearly its area", () => {
  const loops = traceMask(disc(9));

  expect(loops).toHaveLength(1);
  expect(area(loops[0] ?? new Float32Array())).toBeGreaterThan(0.96 * Math.PI * 81);
  expect(area(loops[0] ?? new Float32Array())).toBeLessThan(1.04 * Math.PI * 81);
});

test("eased outlines stay within half a pixel of the traced edge", () => {
  for (const loop of traceMask(disc(9))) {
    for (let i = 0; i < loop.length; i += 2) {
      const distance = Math.hypot((loop[i] ?? 0) - 16, (loop[i + 1] ?? 0) - 16);
      expect(Math.abs(distance - 9)).toBeLessThan(1);
    }
  }
});

test("a hole gets a loop of its own, turned the other way", () => {
  const map = disc(9);
  map.data[16 * 32 + 16] = 0;

  const areas = traceMask(map).map(area);

  expect(areas).toHaveLength(2);
  expect(Math.min(...areas)).toBeLessThan(0);
});

test("pixels that touch at a corner stay two loops", () => {
  const map = emptyLabels(4, 4);
  map.data[5] = 1;
  map.data[10] = 1;

  expect(traceMask(map)).toHaveLength(2);
});

test("a part at the border reaches past it, so the picture's corners are not rounded", () => {
  const [loop] = traceParts(emptyLabels(4, 4, 7)).get(7) ?? [];

  expect(Math.min(...(loop ?? [0]))).toBeLessThanOrEqual(-0.75);
});

test("the region of an edit holds its parts before and after, and a margin", () => {
  const before = emptyLabels(8, 1);
  before.data.set([0, 0, 1, 1, 0, 0, 0, 0]);
  const after = { ...before, data: Uint8Array.from([0, 0, 1, 1, 1, 0, 0, 0]) };

  const edit = findEdit(before, after, new Set([0]), 1);

  expect(edit?.parts).toEqual([1]);
  expect(edit?.numChanged).toBe(1);
  expect([...(edit?.region.data ?? [])]).toEqual([0, 1, 1, 1, 1, 1, 0, 0]);
});

test("a part that merely gives way is not what the edit is about", () => {
  const before = disc(9); // skin
  before.data.fill(2, 16 * 32 + 14, 16 * 32 + 18);
  const after = { ...before, data: before.data.slice() };
  after.data.fill(2, 15 * 32 + 13, 15 * 32 + 15);

  expect(findEdit(before, after, new Set([0]), 1)?.parts).toEqual([2]);
});

test("an unchanged painting is no edit", () => {
  expect(findEdit(disc(4), disc(4), new Set([0]), 1)).toBeNull();
});

test("the margin is five pixels at 512 and never none", () => {
  expect([64, 256, 512].map(defaultMargin)).toEqual([1, 3, 5]);
});
