/** What is said where two edit vectors of a stack act on the same parts? */

import type { Part } from "../../api/client";
import { counted, percent, titled } from "../../ui/words";

interface Conflict {
  readonly titles: readonly string[];
  readonly overlap: number;
  readonly parts: readonly string[];
}

const MOST_PARTS = 3; // more are no help in finding out what goes wrong

/** "Smile and Grin both change Upper lip and Lower lip: 62 % of what they do overlaps." */
export function conflictWords(
  { titles, overlap, parts }: Conflict,
  known: readonly Pick<Part, "name" | "title">[],
): string {
  const names = parts.map(
    (name) => known.find((part) => part.name === name)?.title ?? titled(name),
  );
  const isShort = names.length > 0 && names.length <= MOST_PARTS;
  const list = isShort ? new Intl.ListFormat("en").format(names) : "the same parts";
  return `${titles.join(" and ")} both change ${list}: ${percent(overlap)} of what they do overlaps.`;
}

/** What to say of a whole stack: its worst pair, and how many more there are; null for none. */
export function stackWarning(
  conflicts: readonly Conflict[] | undefined,
  known: readonly Pick<Part, "name" | "title">[],
): string | null {
  const [worst] = conflicts ?? [];
  if (!conflicts || !worst) return null;
  const more = conflicts.length - 1;
  const rest =
    more === 0
      ? ""
      : ` ${counted(more, "more pair")} of this stack ${more === 1 ? "does" : "do"} too.`;
  return conflictWords(worst, known) + rest;
}
