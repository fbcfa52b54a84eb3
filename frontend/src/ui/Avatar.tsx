import type { Person } from "../api/client";

/** A person as initials on their colour. Decoration where the name stands beside it. */
export function Avatar({
  person,
  size = 26,
  isNamed = false,
}: {
  readonly person: Pick<Person, "name" | "initials" | "color">;
  readonly size?: number;
  readonly isNamed?: boolean;
}) {
  return (
    <span
      className="at-avatar"
      style={{
        width: size,
        height: size,
        background: person.color,
        fontSize: Math.round(size * 0.4),
      }}
      role={isNamed ? undefined : "img"}
      aria-label={isNamed ? undefined : person.name}
      aria-hidden={isNamed || undefined}
      title={isNamed ? undefined : person.name}
    >
      {person.initials}
    </span>
  );
}
