import { expect, test } from "vitest";

import { emptyLabels } from "./labels";
import { type LoggedOp, fold, undoStacks } from "./strokelog";

const MARA = 1;
const JONAS = 2;

const tap = (id: string, author: number, part: number, x = 8): LoggedOp => ({
  author_id: author,
  stroke: { op_id: id, tool: "brush", part, radius: 8, points: [[x, 8]], rasteriser: 1 },
  undo: null,
});
const undo = (target: string, author: number, undone = true): LoggedOp => ({
  author_id: author,
  stroke: null,
  undo: { op_id: `${undone ? "undo" : "redo"} ${target}`, target, undone },
});
const first = (ops: LoggedOp[]) => fold(emptyLabels(2, 1), ops).data[0];

test("the later stroke wins where two overlap", () => {
  expect(first([tap("a", MARA, 3), tap("b", JONAS, 4)])).toBe(4);
});

test("taking back a stroke shows what lay under it", () => {
  expect(first([tap("a", MARA, 3), tap("b", MARA, 4), undo("b", MARA)])).toBe(3);
});

test("taking back an earlier stroke leaves the later one standing", () => {
  expect(first([tap("a", MARA, 3), tap("b", JONAS, 4), undo("a", MARA)])).toBe(4);
});

test("a stroke taken back can be brought back in its old place", () => {
  const ops = [tap("a", MARA, 3), undo("a", MARA), tap("b", JONAS, 4), undo("a", MARA, false)];

  expect(first(ops)).toBe(4);
});

test("nobody takes back another's stroke", () => {
  expect(first([tap("a", MARA, 3), undo("a", JONAS)])).toBe(3);
});

test("undo reaches own strokes only, newest first, and redo the last taken back", () => {
  const ops = [tap("a", MARA, 3), tap("b", JONAS, 4), tap("c", MARA, 5), undo("c", MARA)];

  expect(undoStacks(ops, MARA)).toEqual({ undo: ["a"], redo: ["c"] });
});

test("a new stroke ends what could be brought back", () => {
  const ops = [tap("a", MARA, 3), undo("a", MARA), tap("b", MARA, 4)];

  expect(undoStacks(ops, MARA)).toEqual({ undo: ["b"], redo: [] });
});

test("undo goes back thirty strokes", () => {
  const ops = Array.from({ length: 40 }, (_, i) => tap(`s${i}`, MARA, 1));

  expect(undoStacks(ops, MARA).undo).toHaveLength(30);
});
