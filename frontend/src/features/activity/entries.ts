/** Activities in words and groups. */

import type { Activity } from "../../api/client";
import { hourHeading } from "../../ui/words";

export interface Hour {
  readonly heading: string;
  readonly entries: readonly Activity[];
}

/** Entries, newest first, gathered under the hour in which they happened. */
export function byHour(entries: readonly Activity[], now: Date): Hour[] {
  const hours: { heading: string; entries: Activity[] }[] = [];
  for (const entry of [...entries].sort((one, other) => other.at.localeCompare(one.at))) {
    const heading = hourHeading(entry.at, now);
    const last = hours.at(-1);
    if (last?.heading === heading) last.entries.push(entry);
    else hours.push({ heading, entries: [entry] });
  }
  return hours;
}

const JOBS: Record<string, readonly [doing: string, done: string, failed: string]> = {
  invert: [
    "is bringing a picture into focus",
    "added a picture",
    "could not bring a picture into focus",
  ],
  optimize: ["is optimizing", "optimized a painting", "stopped optimizing"],
  refine: ["is refining", "refined", "stopped refining"],
  render: ["is keeping vectors", "kept vectors", "could not keep vectors"],
  measure: ["has a vector measured", "had a vector measured", "could not have a vector measured"],
};

const REVISIONS: Record<string, string> = {
  sample: "added a sample",
  invert: "brought a picture into focus",
  optimize: "painted and optimized",
  refine: "refined",
  render: "kept vectors",
  restore: "restored an earlier revision",
};

const ENDED_BADLY = new Set(["failed", "canceled"]);

export function sentence(entry: Activity): string {
  if (entry.kind === "vector") return `saved the vector “${entry.title}”`;
  if (entry.kind === "revision") {
    // A revision without a name of its own comes with what made it.
    return REVISIONS[entry.title] ?? (entry.title ? `kept “${entry.title}”` : "kept a revision");
  }
  const words = JOBS[entry.title.toLowerCase()];
  if (!words) return entry.title;
  if (entry.status === "succeeded") return words[1];
  return ENDED_BADLY.has(entry.status ?? "") ? words[2] : words[0];
}

/** The page of what an entry is about; null if it has none. */
export function addressOf(entry: Activity): string | null {
  if (entry.kind === "vector") return `/library/${entry.id}`;
  if (!entry.image_id) return null;
  if (entry.kind === "revision") return `/pictures/${entry.image_id}/history?b=${entry.id}`;
  return `/pictures/${entry.image_id}`;
}
