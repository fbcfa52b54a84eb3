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

const MINIMUM = { locality: 0.9, identity: 0.9, success: 0.8 } as const;

export function figuresOf(card: Card): Figure[] {
  const works = Math.round(card.success * card.num_probes);
  const figures: Figure[] = [
    {
      name: "Stays local",
      short: "local",
      shown: percent(card.locality),
      share: card.locality,
      minimum: MINIMUM.locality,
      meaning: "share of the change inside the edited parts · minimum 90 %",
      isBelow: card.locality < MINIMUM.locality,
    },
    {
      name: "Works",
      short: "works",
      shown: percent(card.success),
      share: card.success,
      minimum: MINIMUM.success,
      meaning: `${works} of ${card.num_probes} probe pictures change as learned · minimum 80 %`,
      isBelow: card.success < MINIMUM.success,
    },
  ];
  if (card.identity !== null) {
    figures.splice(1, 0, {
      name: "Keeps identity",
      short: "identity",
      shown: card.identity.toFixed(2),
      share: card.identity,
      minimum: MINIMUM.identity,
      meaning: "likeness before and after at strength 1 · minimum 0.90",
      isBelow: card.identity < MINIMUM.identity,
    });
  }
  return figures;
}

/** One sentence on what is weak, or null if nothing is. */
export function weakness(card: Card): string | null {
  const weak = figuresOf(card).filter((figure) => figure.isBelow);
  if (weak.length === 0) return null;
  const said: Record<string, (figure: Figure) => string> = {
    local: (figure) =>
      `it keeps ${figure.shown} of its change inside the edited parts, the minimum is 90 %`,
    identity: (figure) => `it keeps identity at ${figure.shown}, the minimum is 0.90`,
    works: (figure) => `it works on ${figure.shown} of the probe pictures, the minimum is 80 %`,
  };
  const reasons = weak.map((figure) => said[figure.short]?.(figure) ?? figure.name);
  return `Weak: ${reasons.join("; ")}.`;
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
