/** What is said where two edit vectors of a stack act on the same parts? */

import type { Part } from "../../api/client";
import { percent, titled } from "../../ui/words";

interface Conflict {
  readonly titles: readonly string[];
  readonly overlap: number;
  readonly parts: readonly string[];
}

const MOST_PARTS = 3;

/** "Smile and Grin both change Upper lip and Lower lip: 62 % of what they do overlaps." */
export function conflictWords(
  { titles, overlap, parts }: Conflict,
  known: readonly Pick<Part, "name" | "title">[],
): string {
  const names = parts.map(
    (name) => known.find((part) => part.name === name)?.title ?? titled(name),
  );
  const shown = names.slice(0, MOST_PARTS);
  const rest = names.length - shown.length;
  if (rest > 0) shown.push(`${rest} more`);
  const last = shown.pop() ?? "the same parts";
  const list = shown.length > 0 ? `${shown.join(", ")} and ${last}` : last;
  return `${titles.join(" and ")} both change ${list}: ${percent(overlap)} of what they do overlaps.`;
}
