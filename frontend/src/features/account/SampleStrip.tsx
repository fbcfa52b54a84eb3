import { useState } from "react";

import styles from "./account.module.css";

const STRENGTHS = [-2, -1, 0, 1, 2] as const;
const urlOf = (strength: number) =>
  `/sign-in/strength${strength < 0 ? "-minus" : ""}-${Math.abs(strength)}.webp`;

/** One portrait at five strengths of one vector, drifting; five stills for who wants none. */
export function SampleStrip() {
  const [isGone, setGone] = useState(false);
  if (isGone) return null;
  return (
    <div className={styles.strip} aria-hidden>
      <div className={styles.drift}>
        {[...STRENGTHS, ...STRENGTHS.slice(1, -1).reverse(), ...STRENGTHS].map((strength, at) => (
          <figure key={at}>
            <img
              src={urlOf(strength)}
              alt=""
              width={160}
              height={160}
              onError={() => setGone(true)}
            />
            <figcaption>
              {strength > 0 ? `+${strength}` : strength < 0 ? `−${-strength}` : "0"}
            </figcaption>
          </figure>
        ))}
      </div>
    </div>
  );
}
