import { expect, test } from "vitest";

import { heat } from "./heat";

const lightness = ([red, green, blue]: readonly [number, number, number]) =>
  0.2126 * red + 0.7152 * green + 0.0722 * blue;

test("the scale grows lighter all the way, so that it reads without colours", () => {
  const steps = Array.from({ length: 21 }, (_, i) => lightness(heat(i / 20)));

  expect([...steps].sort((a, b) => a - b)).toEqual(steps);
  expect(new Set(steps).size).toBe(steps.length);
});

test("heat runs from near black to near white and stays within", () => {
  expect(heat(0)).toEqual([0x0e, 0x0e, 0x10]);
  expect(heat(1)).toEqual([0xff, 0xf8, 0xd7]);
  expect(heat(-3)).toEqual(heat(0));
  expect(heat(7)).toEqual(heat(1));
});
