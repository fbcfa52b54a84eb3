import { expect, it } from "vitest";

import { packed, unpacked } from "./runs";
import { nothing } from "./strokes";

it("a label map survives the browser's storage", () => {
  const map = nothing(8);
  map.data.set([1, 1, 2], 5);
  expect(packed(map)).toBe("255:5,1:2,2:1,255:56");
  expect(unpacked(packed(map), 8)).toEqual(map);
});

it.each(["", "1:3", "1:65", "x:64", "300:64", "1:0,2:64"])("%o is no map", (text) => {
  expect(unpacked(text, 8)).toBeNull();
});
