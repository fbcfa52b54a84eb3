import { expect, test } from "vitest";

import { difference } from "./difference";
import { defaultPair, layTree } from "./tree";

const node = (id: string, parent_id: string | null) => ({ id, parent_id, is_head: false });

test("a history without branches is one lane", () => {
  const tree = layTree([node("c", "b"), node("b", "a"), node("a", null)]);

  expect(tree.nodes.map(({ lane }) => lane)).toEqual([0, 0, 0]);
  expect(tree.edges).toHaveLength(2);
  expect([tree.lanes, tree.branches]).toEqual([1, 1]);
});

test("a branch runs beside the line of the newest until both meet", () => {
  const tree = layTree([node("d", "b"), node("c", "a"), node("b", "a"), node("a", null)]);

  expect(tree.nodes.map(({ id, lane }) => [id, lane])).toEqual([
    ["d", 0],
    ["c", 1],
    ["b", 0],
    ["a", 0],
  ]);
  expect([tree.lanes, tree.branches]).toEqual([2, 2]);
});

test("a lane is used again once its branch has ended", () => {
  const tree = layTree([
    node("f", "d"),
    node("e", "d"),
    node("d", "b"),
    node("c", "b"),
    node("b", null),
  ]);

  expect(tree.lanes).toBe(2);
});

test("a parent beyond the list draws no line into nothing", () => {
  expect(layTree([node("b", "gone")]).edges).toEqual([]);
});

test("the head is compared with what it was made from", () => {
  const list = [{ ...node("c", "b"), is_head: true }, node("b", "a"), node("a", null)];

  expect(defaultPair(list, null, null)).toEqual({ a: "b", b: "c" });
  expect(defaultPair(list, "a", "b")).toEqual({ a: "a", b: "b" });
  expect(defaultPair(list, "gone", null)).toEqual({ a: "b", b: "c" });
  expect(defaultPair([], null, null)).toEqual({ a: null, b: null });
});

test("equal pictures have no changed pixel, one changed of two is half", () => {
  const one = new Uint8ClampedArray([10, 10, 10, 255, 20, 20, 20, 255]);
  const other = new Uint8ClampedArray([10, 10, 10, 255, 20, 20, 60, 255]);

  expect(difference(one, one).changedShare).toBe(0);
  expect(difference(one, other).changedShare).toBe(0.5);
});
