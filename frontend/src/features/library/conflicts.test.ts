import { expect, test } from "vitest";

import { conflictWords, stackWarning } from "./conflicts";

const parts = [
  { name: "upper_lip", title: "Upper lip" },
  { name: "hair", title: "Hair" },
];
const conflict = (names: string[]) => ({
  titles: ["Smile", "Grin"],
  overlap: 0.618,
  parts: names,
});

test("a conflict names both vectors, the parts, and how much of them overlaps", () => {
  expect(conflictWords(conflict(["upper_lip", "hair"]), parts)).toBe(
    "Smile and Grin both change Upper lip and Hair: 62 % of what they do overlaps.",
  );
});

test("many parts are not listed, unknown ones are said by their name", () => {
  const many = conflict(["upper_lip", "lower_lip", "hair", "nose"]);
  expect(conflictWords(many, parts)).toContain("both change the same parts:");
  expect(conflictWords(conflict(["upper_lip", "left_ear"]), parts)).toContain(
    "Upper lip and Left ear:",
  );
});

test("a stack is warned of its worst pair, the others are counted", () => {
  const pair = conflict(["hair"]);
  expect(stackWarning([], parts)).toBeNull();
  expect(stackWarning(undefined, parts)).toBeNull();
  expect(stackWarning([pair], parts)).toBe(conflictWords(pair, parts));
  expect(stackWarning([pair, pair, pair], parts)).toContain("2 more pairs of this stack do too.");
});
