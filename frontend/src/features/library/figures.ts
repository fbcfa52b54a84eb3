/** The measured figures of an edit vector, with their minimum and what they mean. */

import type { Card } from "../../api/client";
import { percent } from "../../ui/words";

export interface Figure {
  readonly name: string;
  readonly short: string;
  readonly shown: string;
  readonly share: number;
  readonly minimum: number;
  readonly meaning: string;
  readonly isBelow: boolean;
}

const NAMES = {
  outside: {
    name: "Leaves the rest",
    short: "rest kept",
    meaning: "of everything outside the edited parts stays as it was",
  },
  identity: {
    name: "Keeps identity",
    short: "identity",
    meaning: "likeness before and after at strength 1",
  },
  success: { name: "Works", short: "works", meaning: "change as learned" },
  additivity: {
    name: "Adds up",
    short: "adds up",
    meaning: "two half steps equal one whole step at 1.00",
  },
} as const;
const SHARES: ReadonlySet<string> = new Set(["outside", "success"]);

/** The figures that decide whether the community gets a vector, with their minimum. */
export function figuresOf(card: Card): Figure[] {
  return card.figures.map(({ name, value, least, is_enough }) => {
    const shown = (figure: number) => (SHARES.has(name) ? percent(figure) : figure.toFixed(2));
    const words = NAMES[name];
    const start = name === "success" ? probesThatChange(card) : "";
    return {
      name: words.name,
      short: words.short,
      shown: shown(value),
      share: value,
      minimum: least,
      meaning: `${start}${words.meaning} · minimum ${shown(least)}`,
      isBelow: !is_enough,
    };
  });
}

/** Only probe pictures that show what the vector takes away were asked. */
function probesThatChange({ success, num_asked, num_probes }: Card): string {
  const works = Math.round(success * num_asked);
  if (num_asked === num_probes) return `${works} of ${num_probes} probe pictures `;
  return `${works} of ${num_asked} that show it, of ${num_probes} probe pictures, `;
}

/** The three figures a card in the grid has room for. */
export function shortFigures(card: Card): Figure[] {
  const figures = figuresOf(card);
  const wanted = ["rest kept", "identity", "works"];
  return wanted.flatMap((short) => figures.find((figure) => figure.short === short) ?? []);
}

/** One sentence on why the community does not get it, or null if it does. */
export function weakness(card: Card): string | null {
  if (card.failures.length === 0) return null;
  return `Not for the community: ${card.failures.join("; ")}.`;
}

export interface Effect {
  readonly part: string;
  readonly share: number;
}

/** Where a vector acts: parts by their share of all change of area, the rest gathered last. */
export function effects(card: Card, most = 5): Effect[] {
  const all = Object.entries(card.effect_by_part)
    .map(([part, change]) => ({ part, share: Math.abs(Number(change)) }))
    .filter(({ share }) => Number.isFinite(share) && share > 0)
    .sort((one, other) => other.share - one.share);
  const total = all.reduce((sum, { share }) => sum + share, 0);
  if (total === 0) return [];
  const shares = all.map(({ part, share }) => ({ part, share: share / total }));
  if (shares.length <= most) return shares;
  const rest = shares.slice(most - 1).reduce((sum, { share }) => sum + share, 0);
  return [...shares.slice(0, most - 1), { part: "everything_else", share: rest }];
}

/** The index of the strength nearest to `wanted`. */
export function nearest(strengths: readonly number[], wanted: number): number {
  let best = 0;
  strengths.forEach((value, at) => {
    if (Math.abs(value - wanted) < Math.abs((strengths[best] ?? 0) - wanted)) best = at;
  });
  return best;
}

/** Which picture of a strip stands under a pointer at `share` (0 to 1) of its width. */
export function stripIndex(share: number, length: number): number {
  return Math.min(length - 1, Math.max(0, Math.floor(share * length)));
}
