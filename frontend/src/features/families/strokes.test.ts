import { describe, expect, it } from "vitest";

import type { Gesture } from "../../canvas/raster";
import { UNLABELLED } from "./schema";
import { drawn, filled, labelledShare, nothing, opened, redone, undone } from "./strokes";

const tap = (tool: Gesture["tool"], part: number, x: number, y: number): Gesture => ({
  tool,
  part,
  radius: 12,
  points: [[x * 16 + 8, y * 16 + 8]],
});

describe("a painting of labels", () => {
  it("begins without any, is painted, erased to nothing, and filled", () => {
    const empty = opened(nothing(4));
    expect(labelledShare(empty.now)).toBe(0);
    const painted = drawn(empty, tap("brush", 2, 1, 1));
    expect(painted.now.data[5]).toBe(2);
    expect(labelledShare(painted.now)).toBeCloseTo(1 / 16);
    const erased = drawn(painted, tap("restore", 2, 1, 1));
    expect(erased.now.data[5]).toBe(UNLABELLED);
    const whole = filled(painted, 0);
    expect(labelledShare(whole.now)).toBe(1);
    expect(whole.now.data[5]).toBe(2);
  });

  it("is taken back and brought back, until something else is painted", () => {
    const one = drawn(opened(nothing(4)), tap("brush", 1, 0, 0));
    const two = drawn(one, tap("brush", 2, 3, 3));
    const back = undone(two);
    expect(back.now).toBe(one.now);
    expect(redone(back).now).toBe(two.now);
    expect(redone(drawn(back, tap("brush", 3, 2, 2))).now.data[15]).toBe(UNLABELLED);
    expect(undone(opened(nothing(4))).past).toEqual([]);
  });

  it("does not remember a stroke that changed nothing", () => {
    const one = drawn(opened(nothing(4)), tap("brush", 1, 0, 0));
    expect(drawn(one, tap("brush", 1, 0, 0))).toBe(one);
  });
});
