import { expect, test } from "vitest";

import { screenPoint, toLabel } from "./space";
import { fit, keepInSight, toImage, toScreen, zoomAt } from "./viewport";

const VIEW = { width: 860, height: 736 };
const PICTURE = { width: 64, height: 64 };

test("a small picture is shown centred and no larger than asked", () => {
  const view = fit(VIEW, PICTURE, 600);

  expect(view).toEqual({ scale: 9.375, left: 130, top: 68 });
});

test("zooming keeps what lies under the pointer", () => {
  const view = fit(VIEW, PICTURE, 600);
  const pointer = screenPoint(321, 456);

  const zoomed = zoomAt(view, pointer, 2.5);

  expect(toImage(zoomed, pointer).x).toBeCloseTo(toImage(view, pointer).x, 9);
  expect(toScreen(zoomed, toImage(view, pointer)).y).toBeCloseTo(456, 9);
});

test("label points are whole sixteenths", () => {
  const view = { scale: 10, left: 0, top: 0 };

  expect(toLabel(toImage(view, screenPoint(123, 77)))).toEqual([197, 123]);
});

test("a picture cannot be panned out of sight", () => {
  const view = keepInSight({ scale: 5, left: 5000, top: -5000 }, VIEW, PICTURE);

  expect(view).toEqual({ scale: 5, left: 796, top: -256 });
});
