import { expect, test } from "vitest";

import { foundWords, lossFigure, readStrength, worthShowing } from "./words";

test("a typed strength may have any minus or comma, and lies from −2 to 2", () => {
  expect(["+0.8", "−0,45", " 1.03 ", "2.1", "x", ""].map(readStrength)).toEqual([
    0.8, -0.45, 1.05, null, null, null,
  ]);
});

test("losses keep two digits", () => {
  expect([1.234, 0.21, 0.08, 0.0031].map(lossFigure)).toEqual(["1.23", "0.21", "0.08", "0.003"]);
});

test("a search by painting says how many vectors were tried and how long it took", () => {
  expect(foundWords({ matches: [], numCandidates: 24, seconds: 0.42 })).toBe(
    "24 vectors tried in 0.4 s on your picture",
  );
  expect(foundWords({ matches: [], numCandidates: 1, seconds: null })).toBe(
    "1 vector tried on your picture",
  );
  expect(foundWords({ matches: null, numCandidates: 0, seconds: null })).toBe("");
});

test("vectors that have nothing to do with the painting are left out, the best comes first", () => {
  const matches = [0.31, 0.004, 0.92].map((match) => ({ match }));
  expect(worthShowing(matches).map(({ match }) => match)).toEqual([0.92, 0.31]);
});
