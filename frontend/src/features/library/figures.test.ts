import { expect, test } from "vitest";

import type { Card } from "../../api/client";
import { effects, figuresOf, nearest, stripIndex, weakness } from "./figures";

const figure = (name: "outside" | "identity" | "success", value: number, least: number) => ({
  name,
  value,
  least,
  is_enough: value >= least,
});
const card: Card = {
  strengths: [-2, -1, 0, 1, 2],
  strips: [],
  num_probes: 50,
  num_asked: 50,
  locality: 0.98,
  outside_change: 0.01,
  identity: 0.97,
  success: 0.94,
  effect_by_part: { upper_lip: 0.02, skin: -0.02, hair: 0 },
  valid_range: [-1.2, 1.8],
  norm: 3,
  additivity: null,
  heat_url: null,
  figures: [
    figure("outside", 0.99, 0.97),
    figure("identity", 0.97, 0.8),
    figure("success", 0.94, 0.8),
  ],
  failures: [],
};

test("a strong vector has no weakness, and its figures carry their unit", () => {
  expect(figuresOf(card).map(({ shown }) => shown)).toEqual(["99 %", "0.97", "94 %"]);
  expect(weakness(card)).toBeNull();
});

test("a vector that takes something away says how many pictures showed it", () => {
  const meaning = (asked: number) => figuresOf({ ...card, num_asked: asked })[2]?.meaning;

  expect(meaning(50)).toBe("47 of 50 probe pictures change as learned · minimum 80 %");
  expect(meaning(20)).toBe(
    "19 of 20 that show it, of 50 probe pictures, change as learned · minimum 80 %",
  );
});

test("a figure under its minimum is marked, and the sentence is the server's", () => {
  const weak = {
    ...card,
    figures: [figure("identity", 0.7, 0.8)],
    failures: ["it keeps identity at 0.70, the minimum is 0.80"],
  };

  expect(figuresOf(weak).map(({ isBelow }) => isBelow)).toEqual([true]);
  expect(weakness(weak)).toBe(
    "Not for the community: it keeps identity at 0.70, the minimum is 0.80.",
  );
});

test("growing and shrinking parts count alike, untouched parts not at all", () => {
  expect(effects(card)).toEqual([
    { part: "upper_lip", share: 0.5 },
    { part: "skin", share: 0.5 },
  ]);
});

test("beyond the most, parts are gathered as everything else", () => {
  const many = { ...card, effect_by_part: { a: 4, b: 2, c: 1, d: 1 } };

  expect(effects(many, 3)).toEqual([
    { part: "a", share: 0.5 },
    { part: "b", share: 0.25 },
    { part: "everything_else", share: 0.25 },
  ]);
});

test("the nearest strength and the picture under a pointer are found", () => {
  expect(nearest(card.strengths, 0.6)).toBe(3);
  expect([stripIndex(0, 5), stripIndex(0.5, 5), stripIndex(1, 5)]).toEqual([0, 2, 4]);
});
