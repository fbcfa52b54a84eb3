import { expect, test } from "vitest";

import { ruleAfterKey } from "./CompareSlider";
import { strengthAfterKey } from "./StrengthSlider";

test("arrows move a strength by 0.05, with Shift by 0.25, never past 2", () => {
  expect(strengthAfterKey(0.8, "ArrowRight", false)).toBe(0.85);
  expect(strengthAfterKey(0.8, "ArrowLeft", true)).toBe(0.55);
  expect(strengthAfterKey(1.98, "ArrowRight", false)).toBe(2);
});

test("Home, End and 0 go to the ends and to nothing", () => {
  expect(["Home", "End", "0"].map((key) => strengthAfterKey(0.8, key, false))).toEqual([-2, 2, 0]);
});

test("other keys are left to the page", () => {
  expect(strengthAfterKey(0, "Tab", false)).toBeNull();
  expect(ruleAfterKey(0.5, "Tab", false)).toBeNull();
});

test("the rule of a comparison stays on the picture", () => {
  expect(ruleAfterKey(0.99, "ArrowRight", true)).toBe(1);
  expect(ruleAfterKey(0.01, "ArrowLeft", true)).toBe(0);
});
