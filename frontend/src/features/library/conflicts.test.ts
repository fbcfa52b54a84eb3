import { expect, test } from "vitest";

import { conflictWords } from "./conflicts";

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

test("many parts are counted, unknown ones are said by their name", () => {
  expect(
    conflictWords(conflict(["upper_lip", "lower_lip", "hair", "nose", "neck"]), parts),
  ).toContain("Upper lip, Lower lip, Hair and 2 more:");
  expect(conflictWords(conflict([]), parts)).toContain("both change the same parts:");
});
