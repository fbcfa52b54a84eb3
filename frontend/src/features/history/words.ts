/** What made a revision, in words. */

import type { Revision } from "../../api/client";
import { strength } from "../../ui/words";

const SHORT: Record<Revision["kind"], string> = {
  sample: "Sample",
  invert: "Upload",
  optimize: "Painted",
  refine: "Refined",
  render: "Vector",
  restore: "Restored",
};

export function kindShort(kind: Revision["kind"]): string {
  return SHORT[kind];
}

export function kindLong(revision: Revision): string {
  const steps = revision.parameters["steps"];
  const after = typeof steps === "number" ? `, ${steps} steps` : "";
  switch (revision.kind) {
    case "sample":
      return "Sample that came with the model";
    case "invert":
      return `Upload, found again${after}`;
    case "optimize":
      return `Painted and optimized${after}`;
    case "refine":
      return typeof steps === "number" ? `Vectors, refined ${steps} steps` : "Vectors, refined";
    case "render":
      return "Vectors, applied as they are";
    case "restore":
      return "An earlier revision, restored";
  }
}

/** The title of a revision; one without a name is called after what made it. */
export function titleOf(revision: Revision): string {
  if (revision.title) return revision.title;
  const first = revision.stack[0];
  if (first?.title) return `${first.title} ${strength(first.strength, 1)}`;
  return kindShort(revision.kind);
}

const FIGURES: Record<string, { readonly name: string; readonly show: (value: number) => string }> =
  {
    changed_share: { name: "Pixels changed", show: (value) => `${(value * 100).toFixed(1)} %` },
    outside_change: { name: "Outside the parts", show: (value) => value.toFixed(4) },
    agreement: { name: "Follows the painting", show: (value) => `${(value * 100).toFixed(0)} %` },
    error: { name: "Error", show: (value) => value.toFixed(3) },
    psnr_db: { name: "Closeness", show: (value) => `${value.toFixed(1)} dB` },
    steps_done: { name: "Steps done", show: (value) => String(value) },
    best_step: { name: "Best step", show: (value) => String(value) },
  };

/** The figures that a revision was kept with, those we have words for. */
export function figureRows(figures: Revision["figures"]): { name: string; shown: string }[] {
  const inner = figures["figures"];
  const all = {
    ...(typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : {}),
    ...figures,
  };
  const rows: { name: string; shown: string }[] = [];
  for (const [key, { name, show }] of Object.entries(FIGURES)) {
    const value = all[key];
    if (typeof value === "number" && Number.isFinite(value))
      rows.push({ name, shown: show(value) });
  }
  return rows;
}
