import { expect, test } from "vitest";

import { importWords } from "./importing";

const item = (refusal: string | null) => ({ refusal });

test("an import says what came in and what was left out", () => {
  expect(importWords([item(null)])).toBe("Imported 1 vector");
  expect(importWords([item(null), item(null), item("Another family.")])).toBe(
    "Imported 2 vectors, 1 left out",
  );
  expect(importWords([item("Not a vector.")])).toBe("Nothing was imported");
});
