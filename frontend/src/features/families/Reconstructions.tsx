/** How close does the family come to pictures it did not make? Original beside redrawing. */

import type { Reconstruction } from "./types";
import styles from "./families.module.css";

export function Reconstructions({ items }: { readonly items: readonly Reconstruction[] }) {
  return (
    <ul className={styles.pairs}>
      {items.map((item) => (
        <li key={item.original_url}>
          <span className={styles.pair}>
            <img src={item.original_url} alt="Original" loading="lazy" />
            <img src={item.reconstruction_url} alt="Redrawn" loading="lazy" />
          </span>
          <span className="at-hint">
            Original, redrawn{item.error === null ? "" : ` · error ${item.error.toFixed(3)}`}
          </span>
        </li>
      ))}
    </ul>
  );
}
