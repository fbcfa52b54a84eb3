/** How is a revision called in the studio? */

import type { Part, Revision } from "../../api/client";
import { titleOf as titleOfKind } from "../history/words";

const MOST_PARTS = 3;

/** The parts that an edit changed, by their titles. */
export function changedTitles(revision: Revision, parts: readonly Part[]): string[] {
  const names: unknown = revision.parameters["part_names"];
  if (!Array.isArray(names)) return [];
  return parts.filter(({ name }) => names.includes(name)).map(({ title }) => title);
}

/** Its own title, or what made it: "Upper lip, painted", "Smile +0.8", "Sample". */
export function titleOf(revision: Revision, parts: readonly Part[]): string {
  const changed = changedTitles(revision, parts).slice(0, MOST_PARTS).join(", ");
  if (revision.title === "" && revision.kind === "optimize" && changed) return `${changed}, painted`;
  return titleOfKind(revision);
}
