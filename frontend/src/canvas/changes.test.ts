import { expect, test } from "vitest";

import { changesByPart, squareAround } from "./changes";
import { copyLabels, emptyLabels } from "./labels";

/** A map of part 0 with part `part` at the given pixels. */
function painted(pixels: readonly (readonly [number, number])[], part = 3) {
  const map = copyLabels(emptyLabels(32, 32));
  for (const [x, y] of pixels) map.data[y * 32 + x] = part;
  return map;
}

test("what one part gains another loses", () => {
  expect(
    changesByPart(
      emptyLabels(32, 32),
      painted([
        [4, 4],
        [5, 4],
      ]),
    ),
  ).toEqual([
    { part: 0, pixels: -2 },
    { part: 3, pixels: 2 },
  ]);
  expect(changesByPart(painted([[4, 4]]), painted([[4, 4]]))).toEqual([]);
});

test("the square lies around what changed, with room on every side", () => {
  const before = emptyLabels(32, 32);
  const square = squareAround(
    before,
    painted([
      [10, 14],
      [17, 16],
    ]),
    2,
    4,
  );

  expect(square).toEqual({ left: 8, top: 10, size: 12 });
  expect(squareAround(before, before, 2, 4)).toBeNull();
});

test("at an edge the square stays inside the map", () => {
  const before = emptyLabels(32, 32);
  expect(squareAround(before, painted([[31, 0]]), 3, 16)).toEqual({ left: 16, top: 0, size: 16 });
  expect(
    squareAround(
      before,
      painted([
        [0, 0],
        [31, 31],
      ]),
      3,
      16,
    ),
  ).toEqual({
    left: 0,
    top: 0,
    size: 32,
  });
});
