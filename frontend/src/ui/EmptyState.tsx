import type { ReactNode } from "react";

/** What stands where there is nothing yet: one sentence, one action. */
export function EmptyState({
  icon,
  children,
  action,
}: {
  readonly icon?: ReactNode;
  readonly children: ReactNode;
  readonly action?: ReactNode;
}) {
  return (
    <div className="at-empty">
      {icon}
      <p>{children}</p>
      {action}
    </div>
  );
}
