import { expect, test } from "vitest";

import type { EditVector } from "../../api/client";
import { liked, withVector } from "./cached";

const vector = (id: string, num_likes = 2, is_liked = false) =>
  ({ id, title: id, num_likes, is_liked }) as EditVector;

test("liking counts once, and taking it back counts once", () => {
  const once = liked(vector("a"), true);
  expect([once.is_liked, once.num_likes]).toEqual([true, 3]);
  expect(liked(once, true)).toBe(once);
  expect(liked(once, false)).toEqual(vector("a"));
});

test("a vector is changed on every page that shows it", () => {
  const pages = { pages: [{ items: [vector("a"), vector("b")] }, { items: [vector("a")] }] };
  const found = withVector(pages, "a", (one) => liked(one, true));
  expect(found.pages.flatMap(({ items }) => items.map((one) => one.is_liked))).toEqual([
    true,
    false,
    true,
  ]);
});

test("what does not hold the vector stays the same object", () => {
  const similar = [{ vector: vector("a"), likeness: 0.9 }];
  expect(withVector(similar, "b", (one) => liked(one, true))).toBe(similar);
  expect(withVector(undefined, "b", (one) => one)).toBeUndefined();
});
