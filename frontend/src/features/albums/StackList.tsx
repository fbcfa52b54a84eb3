/** Which vectors are applied, by name and strength; with sliders where they may be moved. */

import type { EditVector, VectorUse } from "../../api/client";
import { StrengthSlider } from "../../ui/StrengthSlider";
import { strength } from "../../ui/words";
import { band } from "../library/Dock";
import styles from "./albums.module.css";

export function StackList({
  uses,
  vectors,
  onChange,
}: {
  readonly uses: readonly VectorUse[];
  readonly vectors: readonly EditVector[];
  readonly onChange?: (uses: VectorUse[]) => void;
}) {
  return (
    <ul className={styles.stack}>
      {uses.map((use) => {
        const id = use.edit_vector_version_id;
        const vector = vectors.find(({ version }) => version.id === id);
        const title = vector?.title ?? "Edit vector";
        return (
          <li key={id}>
            {vector?.thumbnail_url ? (
              <img src={vector.thumbnail_url} alt="" />
            ) : (
              <span className={styles.blank} />
            )}
            <div>
              <div className="at-spread">
                <span className="at-ellipsis">{title}</span>
                <strong>{strength(use.strength)}</strong>
              </div>
              {onChange && (
                <StrengthSlider
                  label={title}
                  value={use.strength}
                  measured={band(vector?.version.card?.valid_range)}
                  onChange={(next) =>
                    onChange(
                      uses.map((one) =>
                        one.edit_vector_version_id === id ? { ...one, strength: next } : one,
                      ),
                    )
                  }
                />
              )}
            </div>
          </li>
        );
      })}
    </ul>
  );
}
