import { expect, test } from "vitest";

import { errorLine, moreStepsWords } from "./errorLine";

test("an error far outside stands right of the usual range on its line", () => {
  const line = errorLine(0.31, [0.04, 0.06, 0.09]);

  expect([line.shown, line.low, line.high]).toEqual(["0.31", "0.04", "0.09"]);
  expect(line.at).toBeGreaterThan(line.to);
  expect(line.at).toBeLessThan(100);
});

test("small errors get the digits that tell them apart", () => {
  const line = errorLine(0.011, [0.0042, 0.007, 0.0121]);

  expect([line.shown, line.low, line.high]).toEqual(["0.011", "0.004", "0.012"]);
});

test("a longer search is never said to have helped when it did not", () => {
  expect(moreStepsWords(0.31, 0.29)).toBe("The error fell from 0.310 to 0.290.");
  expect(moreStepsWords(0.31, 0.32)).toBe("The error did not fall: 0.310 before, 0.320 now.");
  expect(moreStepsWords(0.31, 0.31)).toBe("The error stayed at 0.3100.");
});
