import { beforeEach, describe, expect, test } from "vitest";

import { emptyLabels } from "../labels";
import type { Gesture } from "../raster";
import { type LabelPoint, screenPoint } from "../space";
import type { Viewport } from "../viewport";
import { createBrush } from "./brush";
import { createBucket } from "./bucket";
import { createHand } from "./hand";
import { createPick } from "./pick";
import { createPolygon } from "./polygon";
import type { ToolHost, ToolPointer } from "./tool";
import { createZoom } from "./zoom";

class Bench implements ToolHost {
  labels = emptyLabels(64, 64, 2);
  part = 5;
  radius = 24;
  viewport: Viewport = { scale: 10, left: 0, top: 0 };
  committed: Gesture[] = [];
  previewed: Gesture | null = null;
  outlined: readonly LabelPoint[] | null = null;
  picked: number[] = [];

  setViewport(viewport: Viewport) {
    this.viewport = viewport;
  }
  preview(gesture: Gesture | null) {
    this.previewed = gesture && { ...gesture, points: [...gesture.points] };
  }
  outline(points: readonly LabelPoint[] | null) {
    this.outlined = points && [...points];
  }
  commit(gesture: Gesture) {
    this.committed.push({ ...gesture, points: [...gesture.points] });
  }
  pick(part: number) {
    this.picked.push(part);
  }
}

/** A pointer at a place in label-map pixels, ten screen pixels each. */
const at = (x: number, y: number, isAlternate = false): ToolPointer => ({
  label: [x * 16, y * 16],
  screen: screenPoint(x * 10, y * 10),
  isAlternate,
});

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

describe("brush", () => {
  test("shows the stroke while it is drawn and commits it whole", () => {
    const brush = createBrush(bench, "brush");

    brush.down(at(1, 1));
    brush.move(at(2, 1));
    brush.move(at(2, 1));
    expect(bench.previewed?.points).toHaveLength(2);
    brush.up(at(2, 1));

    expect(bench.committed).toEqual([
      { tool: "brush", part: 5, radius: 24, points: [[16, 16], [32, 16]] },
    ]);
  });

  test("cancelling drops the stroke, and lifting the pen then does nothing", () => {
    const brush = createBrush(bench, "brush");
    brush.down(at(1, 1));

    expect(brush.cancel()).toBe(true);
    brush.up(at(3, 3));

    expect(bench.previewed).toBeNull();
    expect(bench.committed).toEqual([]);
    expect(brush.cancel()).toBe(false);
  });

  test("a stroke without end goes on as a second one from where the first stopped", () => {
    const brush = createBrush(bench, "brush");
    brush.down(at(0, 0));
    for (let i = 1; i < 2100; i++) brush.move({ ...at(0, 0), label: [i, 0] });
    brush.up(at(0, 0));

    expect(bench.committed.map(({ points }) => points.length)).toEqual([2048, 53]);
    expect(bench.committed[1]?.points[0]).toEqual(bench.committed[0]?.points.at(-1));
  });

  test("the eraser brings the base back", () => {
    const eraser = createBrush(bench, "restore");

    eraser.down(at(1, 1));
    eraser.up(at(1, 1));

    expect(bench.committed[0]?.tool).toBe("restore");
  });
});

describe("polygon", () => {
  const click = (tool: ReturnType<typeof createPolygon>, x: number, y: number) => {
    tool.down(at(x, y));
    tool.up(at(x, y));
  };

  test("a click on the first corner closes it", () => {
    const polygon = createPolygon(bench);

    click(polygon, 1, 1);
    click(polygon, 9, 1);
    click(polygon, 9, 9);
    click(polygon, 1.5, 1.5);

    expect(bench.committed).toEqual([
      { tool: "polygon", part: 5, radius: 1, points: [[16, 16], [144, 16], [144, 144]] },
    ]);
    expect(bench.outlined).toBeNull();
  });

  test("an outline drawn in one go is closed when the pen is lifted", () => {
    const polygon = createPolygon(bench);

    polygon.down(at(1, 1));
    for (const [x, y] of [[5, 1], [9, 5], [5, 9], [2, 5]] as const) polygon.move(at(x, y));
    polygon.up(at(2, 5));

    expect(bench.committed[0]?.points).toHaveLength(5);
  });

  test("Enter with two corners draws nothing", () => {
    const polygon = createPolygon(bench);
    click(polygon, 1, 1);
    click(polygon, 9, 1);

    expect(polygon.confirm()).toBe(false);
    expect(bench.committed).toEqual([]);
  });

  test("leaving the tool drops its corners", () => {
    const polygon = createPolygon(bench);
    click(polygon, 1, 1);
    click(polygon, 9, 1);

    polygon.exit();

    expect(bench.outlined).toBeNull();
    expect(polygon.cancel()).toBe(false);
  });
});

describe("bucket", () => {
  test("fills once, and not where the part is already there", () => {
    const bucket = createBucket(bench);
    bucket.down(at(3, 3));
    bench.part = 2;
    bucket.down(at(3, 3));

    expect(bench.committed).toHaveLength(1);
    expect(bench.committed[0]?.tool).toBe("fill");
  });

  test("does nothing outside the picture", () => {
    createBucket(bench).down(at(-1, 3));

    expect(bench.committed).toEqual([]);
  });
});

describe("pick", () => {
  test("chooses what it is dragged over until it is cancelled", () => {
    const pick = createPick(bench);
    pick.down(at(3, 3));
    pick.cancel();
    pick.move(at(4, 4));

    expect(bench.picked).toEqual([2]);
  });
});

describe("hand and zoom", () => {
  test("the hand drags the picture, and cancelling puts it back", () => {
    const hand = createHand(bench);
    hand.down(at(1, 1));
    hand.move(at(3, 2));
    expect(bench.viewport).toEqual({ scale: 10, left: 20, top: 10 });

    hand.cancel();

    expect(bench.viewport).toEqual({ scale: 10, left: 0, top: 0 });
  });

  test("a click zooms in, with Alt out", () => {
    const zoom = createZoom(bench);
    zoom.down(at(1, 1));
    zoom.up(at(1, 1));
    expect(bench.viewport.scale).toBe(15);

    zoom.down(at(1, 1, true));
    zoom.up(at(1, 1, true));

    expect(bench.viewport.scale).toBe(10);
  });

  test("cancelling a drag zoom puts the view back", () => {
    const zoom = createZoom(bench);
    zoom.down(at(1, 1));
    zoom.move(at(20, 1));
    expect(bench.viewport.scale).toBeGreaterThan(10);

    expect(zoom.cancel()).toBe(true);

    expect(bench.viewport.scale).toBe(10);
  });
});
