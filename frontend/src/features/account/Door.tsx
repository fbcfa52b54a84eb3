import type { ReactNode } from "react";

import { Mark } from "../../ui/icons";
import { SampleStrip } from "./SampleStrip";
import styles from "./account.module.css";

/** The card in the middle of every page that is reached without being signed in. */
export function Door({
  title,
  lead,
  children,
}: {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <main className={styles.signIn}>
      <div className={styles.pair}>
        <SampleStrip />
        <section className={`at-card ${styles.card}`} aria-labelledby="door-title">
          <Mark size={40} />
          <div>
            <h1 id="door-title">{title}</h1>
            {lead && <p className={styles.lead}>{lead}</p>}
          </div>
          {children}
        </section>
      </div>
    </main>
  );
}
