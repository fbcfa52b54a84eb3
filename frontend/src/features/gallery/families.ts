/** Which families may a new picture be of, and which did this person choose last? */

import type { Family } from "../../api/client";

const KEY = "atelier.upload.family";

/** What the installation brings and what the team made, the newest version of each. */
export const offered = (families: readonly Family[], teamId: string | null): Family[] =>
  families.filter(
    ({ team_id, is_newest }) => is_newest && (team_id === null || team_id === teamId),
  );

export function rememberedFamily(): string {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // storage may be forbidden
  }
}

export function rememberFamily(name: string): void {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // The choice then holds for this upload only.
  }
}
