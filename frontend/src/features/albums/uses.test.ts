import { expect, test } from "vitest";

import { readUses, runShare, runWords, writeUses } from "./uses";

const ONE = "0198f2c6-0000-7000-8000-000000000001";
const TWO = "0198f2c6-0000-7000-8000-000000000002";

test("a stack survives its way through the address", () => {
  const uses = [
    { edit_vector_version_id: ONE, strength: 0.8 },
    { edit_vector_version_id: TWO, strength: -1.5 },
  ];
  expect(readUses(new URLSearchParams(writeUses(uses).toString()))).toEqual(uses);
});

test("what is no vector with a strength from −2 to 2 is left out", () => {
  const search = new URLSearchParams();
  for (const text of [`${ONE}:3`, `${ONE}:`, "nobody:1", `${TWO}:x`, `${TWO}:2`, `${TWO}:1`]) {
    search.append("use", text);
  }
  expect(readUses(search)).toEqual([{ edit_vector_version_id: TWO, strength: 1 }]);
});

test("a run says what is done, failed and stopped", () => {
  const run = { num_pictures: 100, num_done: 87, num_failed: 2, num_canceled: 0, is_over: false };
  expect(runWords(run)).toBe("87 of 100 pictures, 2 failed");
  expect(runShare(run)).toBeCloseTo(0.89);
  expect(runWords({ ...run, num_pictures: 1, num_done: 0, num_failed: 0, num_canceled: 1 })).toBe(
    "0 of 1 picture, 1 stopped",
  );
  expect(runShare({ ...run, num_pictures: 0 })).toBe(0);
});
