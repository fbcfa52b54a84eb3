/** What the roles are called, and what each may do. */

import type { Role } from "../../api/client";

export const ROLES: readonly {
  readonly value: Role;
  readonly label: string;
  readonly may: string;
}[] = [
  { value: "owner", label: "Owner", may: "runs the team" },
  { value: "editor", label: "Editor", may: "changes pictures and vectors" },
  { value: "viewer", label: "Viewer", may: "looks, changes nothing" },
];

export function roleLabel(role: Role): string {
  return ROLES.find((one) => one.value === role)?.label ?? role;
}

/** "an editor, who changes pictures and vectors". */
export function roleWords(role: Role): string {
  const known = ROLES.find((one) => one.value === role);
  if (!known) return role;
  const article = /^[aeiou]/i.test(known.label) ? "an" : "a";
  return `${article} ${known.label.toLowerCase()}, who ${known.may}`;
}
