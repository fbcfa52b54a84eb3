/** How are measured figures said? By their names in the engine, with their units. */

import { count, titled } from "../../ui/words";

const TITLES: Readonly<Record<string, string>> = {
  left_out_miou: "Mean overlap (IoU)",
  seconds: "Training time",
  psnr_samples_db: "Likeness on samples",
  l1: "Mean difference",
  mse: "Squared difference",
  pyramid: "Difference of details",
  gradient: "Difference of edges",
};
/** Said elsewhere on the page, or of no use to people. */
export const HIDDEN: ReadonlySet<string> = new Set(["warm", "num_labelled", "num_labels", "offset", "moments"]);

export interface Figure {
  readonly name: string;
  readonly title: string;
  readonly words: string;
}

export const shownFigures = (figures: Readonly<Record<string, number>>): Figure[] =>
  Object.entries(figures)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, value]) => ({ name, title: figureTitle(name), words: figureWords(name, value) }));

export const figureTitle = (name: string): string =>
  TITLES[name] ??
  titled(name.replace(/_(db|seconds|share)$/, ""))
    .replace(/\bpsnr\b/i, "PSNR")
    .replace(/\bmiou\b/i, "mean overlap")
    .replace(/\biou\b/i, "overlap");

/** A value with the digits that mean something, and its unit if the name tells one. */
export function figureWords(name: string, value: number): string {
  if (/(^|_)seconds$/.test(name)) {
    return value < 100 ? `${value.toFixed(0)} s` : `${(value / 60).toFixed(0)} min`;
  }
  if (/_db$/.test(name)) return `${value.toFixed(1)} dB`;
  const size = Math.abs(value);
  if (Number.isInteger(value)) return count(value);
  if (size >= 10) return value.toFixed(1);
  return size >= 0.1 ? value.toFixed(2) : value.toPrecision(2);
}
