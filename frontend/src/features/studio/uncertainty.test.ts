import { expect, test } from "vitest";

import { heat } from "../../ui/heat";
import { overlayPixels } from "./uncertainty";

const pixel = (grey: number) => [grey, grey, grey, 255];

test("certain pixels are veiled, uncertain ones glow over the picture", () => {
  const [certain, doubtful] = [0, 255].map((grey) =>
    [...overlayPixels(new Uint8ClampedArray(pixel(grey)))],
  );

  expect(certain?.slice(0, 3)).toEqual([...heat(0)]);
  expect(doubtful?.slice(0, 3)).toEqual([...heat(1)]);
  expect(certain?.[3]).toBeGreaterThan(100); // or the glow would not show on bright skin
  expect(certain?.[3]).toBeLessThan(200); // or the picture would not show at all
  expect(doubtful?.[3]).toBeGreaterThan(certain?.[3] ?? 255);
});

test("every pixel keeps its place", () => {
  const pixels = overlayPixels(new Uint8ClampedArray([...pixel(0), ...pixel(128), ...pixel(0)]));

  expect(pixels).toHaveLength(12);
  expect([...pixels.slice(4, 7)]).toEqual([...heat(128 / 255)]);
  expect([...pixels.slice(0, 4)]).toEqual([...pixels.slice(8)]);
});
