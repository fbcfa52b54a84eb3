/** How much the team may have, and how much it has. */

import { useQuery } from "@tanstack/react-query";

import { quotasQuery } from "../../api/queries";
import { count } from "../../ui/words";
import styles from "../account/account.module.css";

export function Quotas({ teamId }: { readonly teamId: string }) {
  const { data } = useQuery(quotasQuery(teamId));
  if (!data) return null;
  return (
    <section className={styles.section}>
      <h2>Quotas</h2>
      <ul className={styles.bars}>
        {data.map((quota) => (
          <li key={quota.name}>
            <div className="at-spread">
              <span>{quota.title.charAt(0).toUpperCase() + quota.title.slice(1)}</span>
              <span className="at-hint">
                {count(quota.used)} of {count(quota.limit)}
              </span>
            </div>
            <div
              className="at-progress"
              role="meter"
              aria-label={quota.title}
              aria-valuenow={quota.used}
              aria-valuemin={0}
              aria-valuemax={quota.limit}
            >
              <span style={{ width: `${Math.min(100, (100 * quota.used) / quota.limit)}%` }} />
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
