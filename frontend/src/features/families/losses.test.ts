import { expect, it } from "vitest";

import { type LossPoint, gathered, lineNames } from "./losses";

const grown = (number: number) => {
  let points: readonly LossPoint[] = [];
  for (let step = 0; step < number; step++) points = gathered(points, step, { l1: 1 / (step + 1) });
  return points;
};

it("figures are gathered by step, each once, and those without any are left out", () => {
  const points = gathered(gathered([], 1, { l1: 0.5 }), 1, { l1: 0.4 });
  expect(points).toEqual([{ step: 1, figures: { l1: 0.5 } }]);
  expect(gathered(points, 2, {})).toBe(points);
});

it("a job that began again begins its line again", () => {
  expect(gathered(grown(5), 0, { l1: 2 })).toEqual([{ step: 0, figures: { l1: 2 } }]);
});

it("a long line gets thinner but keeps its newest point", () => {
  const points = grown(1000);
  expect(points.length).toBeLessThanOrEqual(400);
  expect(points.at(-1)?.step).toBe(999);
  expect(lineNames(points)).toEqual(["l1"]);
});
