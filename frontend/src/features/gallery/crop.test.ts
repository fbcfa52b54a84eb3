import { expect, test } from "vitest";

import { centreSquare, inside, mostZoom, moved, resized, turned, unturned, zoomOf } from "./crop";

const wide = { width: 400, height: 300 };

test("the first square is the largest one in the middle", () => {
  expect(centreSquare(wide)).toEqual({ x: 50, y: 0, size: 300, turns: 0 });
});

test("a square dragged too far stops at the edge of the picture", () => {
  const square = { x: 10, y: 10, size: 100, turns: 0 };

  expect(moved(square, 9999, -9999, wide)).toEqual({ x: 300, y: 0, size: 100, turns: 0 });
});

test("zooming keeps the middle of the square in place", () => {
  const square = { x: 100, y: 100, size: 100, turns: 1 };

  expect(resized(square, 50, wide)).toEqual({ x: 125, y: 125, size: 50, turns: 1 });
});

test("a square never grows beyond the shorter side", () => {
  expect(resized({ x: 0, y: 0, size: 100, turns: 0 }, 5000, wide).size).toBe(300);
});

test("a square never shrinks below 16 pixels, unless the picture is smaller", () => {
  expect(inside({ x: 0, y: 0, size: 1, turns: 0 }, wide).size).toBe(16);
  expect(inside({ x: 0, y: 0, size: 1, turns: 0 }, { width: 9, height: 20 }).size).toBe(9);
});

test("four quarter turns are none, and one back is three forward", () => {
  const square = centreSquare(wide);

  expect(turned(square, 4).turns).toBe(0);
  expect(turned(square, -1).turns).toBe(3);
});

test("a drag to the right on a picture turned clockwise moves up on the picture itself", () => {
  expect(unturned(10, 0, 1)).toEqual([0, -10]);
  expect(unturned(10, 0, 2)).toEqual([-10, -0]);
  expect(unturned(10, 0, 3)).toEqual([-0, 10]);
  expect(unturned(10, 4, 0)).toEqual([10, 4]);
});

test("zoom counts from the square that shows as much as fits", () => {
  expect(zoomOf(centreSquare(wide), wide)).toBe(1);
  expect(zoomOf({ x: 0, y: 0, size: 150, turns: 0 }, wide)).toBe(2);
  expect(mostZoom(wide)).toBeCloseTo(300 / 64);
});
