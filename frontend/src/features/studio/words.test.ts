import { expect, test } from "vitest";

import { lossFigure, readStrength } from "./words";

test("a typed strength may have any minus or comma, and lies from −2 to 2", () => {
  expect(["+0.8", "−0,45", " 1.03 ", "2.1", "x", ""].map(readStrength)).toEqual([
    0.8, -0.45, 1.05, null, null, null,
  ]);
});

test("losses keep two digits", () => {
  expect([1.234, 0.21, 0.08, 0.0031].map(lossFigure)).toEqual(["1.23", "0.21", "0.08", "0.003"]);
});
