import { expect, it } from "vitest";

import { figureWords, shownFigures } from "./figures";

it("figures come with their units and the digits that mean something", () => {
  expect(figureWords("seconds", 505.1)).toBe("8 min");
  expect(figureWords("train_seconds", 42)).toBe("42 s");
  expect(figureWords("psnr_samples_db", 24.137)).toBe("24.1 dB");
  expect(figureWords("left_out_miou", 0.5862)).toBe("0.59");
  expect(figureWords("l1", 0.01234)).toBe("0.012");
  expect(figureWords("num_steps", 1200)).toBe("1,200");
});

it("names of the engine become words", () => {
  const shown = shownFigures({ encoder_psnr_db: 25.13, segmentation_iou_iris: 0.7, offset: 1e-6 });
  expect(shown.map(({ title }) => title)).toEqual(["Encoder PSNR", "Segmentation overlap iris"]);
});

it("what the page says elsewhere is not said twice", () => {
  const shown = shownFigures({ warm: 0, num_labelled: 16, left_out_miou: 0.5, sharp_share: 0.2 });
  expect(shown.map(({ title }) => title)).toEqual(["Mean overlap (IoU)", "Sharp"]);
});
