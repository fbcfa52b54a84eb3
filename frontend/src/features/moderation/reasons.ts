/** Why somebody reports an edit vector, in the order in which it is asked. */

export const REASONS = [
  { value: "person", label: "It imitates a real person without consent" },
  { value: "stolen", label: "It is somebody else’s work" },
  { value: "misleading", label: "It does not do what it says" },
  { value: "offensive", label: "It is offensive" },
  { value: "other", label: "Something else" },
] as const;

export type Reason = (typeof REASONS)[number]["value"];

/** The words for a reason; what this browser does not know is something else. */
export function reasonWords(reason: string): string {
  return REASONS.find(({ value }) => value === reason)?.label ?? "Something else";
}
