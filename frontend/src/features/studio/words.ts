/** What did somebody type as a strength, and how are figures of the studio said? */

import { counted } from "../../ui/words";

/** The strength on the grid of 0.05, or null if it is none from −2 to 2. */
export function readStrength(text: string): number | null {
  const value = Number(text.trim().replace("−", "-").replace(",", ".").replace(/^\+/, ""));
  if (text.trim() === "" || !Number.isFinite(value) || Math.abs(value) > 2) return null;
  return Math.round(value * 20) / 20;
}

export const firstName = (name: string): string => name.split(" ")[0] ?? name;

/** A loss with two digits that mean something. */
export const lossFigure = (loss: number): string =>
  loss >= 0.095 ? loss.toFixed(2) : loss.toPrecision(1);

const LEAST_MATCH = 0.05; // under this the change has nothing to do with the painting

/** The matches worth showing, best first. */
export const worthShowing = <T extends { readonly match: number }>(matches: readonly T[]): T[] =>
  matches.filter(({ match }) => match >= LEAST_MATCH).sort((a, b) => b.match - a.match);

/** What a search by painting found: "8 of 24 tried fit, in 0.4 s on your picture". */
export function foundWords(found: {
  readonly matches: readonly unknown[] | null;
  readonly numCandidates: number;
  readonly seconds: number | null;
}): string {
  if (found.matches === null) return "";
  const time = found.seconds === null ? "" : ` in ${Math.max(0.1, found.seconds).toFixed(1)} s`;
  return `${counted(found.numCandidates, "vector")} tried${time} on your picture`;
}
