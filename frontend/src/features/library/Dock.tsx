/** Beside the library: the person's own picture, with the vectors that are being tried on it. */

import { Menu } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { conflictsQuery, familiesQuery, imagePagesQuery, imageQuery } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { StrengthSlider } from "../../ui/StrengthSlider";
import { IconClose, IconWarning } from "../../ui/icons";
import { strength } from "../../ui/words";
import { writeUses } from "../albums/uses";
import { stackWarning } from "./conflicts";
import { closeTryOut, setStrength, takeOff, tryOn, useTryOut } from "./tryOut";
import { usePreview } from "./usePreview";
import styles from "./library.module.css";

const REST_MS = 120; // the socket takes the stack before the page is left

export function Dock() {
  const { imageId, stack } = useTryOut();
  const navigate = useNavigate();
  const pages = useInfiniteQuery(imagePagesQuery(""));
  const ready = (pages.data?.pages.flatMap((page) => page.items) ?? []).filter(
    (image) => image.status === "ready",
  );
  const chosenId = imageId ?? ready[0]?.id ?? null;
  const chosen = useQuery({ ...imageQuery(chosenId ?? ""), enabled: chosenId !== null });
  const image = chosen.data;
  const uses = stack.map(({ vector, strength }) => ({
    edit_vector_version_id: vector.version.id,
    strength,
  }));
  const preview = usePreview(chosenId, image?.head_revision_id ?? null, uses);
  const ids = uses.map((use) => use.edit_vector_version_id).sort();
  const conflicts = useQuery(conflictsQuery(ids));
  const { data: families } = useQuery(familiesQuery);
  const parts = families?.find((one) => one.name === image?.bundle)?.parts ?? [];
  const warning = stack.length > 1 ? stackWarning(conflicts.data, parts) : null;
  const open = () => {
    if (!chosenId) return;
    preview.leaveStack();
    window.setTimeout(() => void navigate(`/pictures/${chosenId}`), REST_MS);
  };
  return (
    <aside className={styles.dock} aria-label="On your picture">
      <div className="at-spread">
        <h2>On your picture</h2>
        <button
          type="button"
          className="at-button"
          data-quiet
          data-icon
          data-size="small"
          aria-label="Close"
          onClick={closeTryOut}
        >
          <IconClose size={16} />
        </button>
      </div>
      {chosen.error && <ErrorNote error={chosen.error} onRetry={() => void chosen.refetch()} />}
      {pages.isSuccess && ready.length === 0 && (
        <p className="at-hint">There is no picture yet to try this on. Add one under Pictures.</p>
      )}
      {image && (
        <>
          <div className={styles.dockPicture}>
            {(preview.url ?? image.picture_url) && (
              <img
                src={preview.url ?? image.picture_url ?? ""}
                alt={`${image.name} with the vectors below`}
              />
            )}
          </div>
          <div className="at-spread">
            <span className="at-ellipsis">{image.name}</span>
            <Menu position="bottom-end" width={240}>
              <Menu.Target>
                <button type="button" className="at-link">
                  Change
                </button>
              </Menu.Target>
              <Menu.Dropdown mah={340} style={{ overflowY: "auto" }}>
                {ready.map((one) => (
                  <Menu.Item
                    key={one.id}
                    onClick={() => tryOn(one.id)}
                    leftSection={
                      one.thumbnail_url && (
                        <img
                          src={one.thumbnail_url}
                          alt=""
                          width={32}
                          height={32}
                          className={styles.mini}
                        />
                      )
                    }
                  >
                    {one.name}
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
          </div>
        </>
      )}
      <div className={styles.trying}>
        <span className="at-hint">Trying</span>
        {stack.map(({ vector, strength: value }) => (
          <div key={vector.id}>
            <div className="at-spread">
              <span className="at-ellipsis">{vector.title}</span>
              <span className="at-row">
                <strong>{strength(value)}</strong>
                <button
                  type="button"
                  className="at-link"
                  aria-label={`Take ${vector.title} off`}
                  onClick={() => takeOff(vector)}
                >
                  <IconClose size={14} />
                </button>
              </span>
            </div>
            <StrengthSlider
              label={vector.title}
              value={value}
              measured={band(vector.version.card?.valid_range)}
              onChange={(next) => setStrength(vector, next)}
            />
          </div>
        ))}
        {stack.length === 0 ? (
          <p className="at-hint">No vectors yet. Choose one from the library.</p>
        ) : (
          <p className="at-hint">
            The grey band shows the strengths at which the vector was measured to work.
          </p>
        )}
        {warning && (
          <p className="at-warn-note" role="status">
            <IconWarning size={16} /> {warning}
          </p>
        )}
        {preview.refusal && (
          <p className="at-warn-note" role="alert">
            {preview.refusal}
          </p>
        )}
        {preview.isOffline && (
          <p className="at-warn-note" role="status">
            Offline. The picture follows again as soon as the line is back.
          </p>
        )}
      </div>
      <button
        type="button"
        className="at-button"
        data-filled
        data-size="main"
        disabled={!chosenId}
        onClick={open}
      >
        Open in studio
      </button>
      <button
        type="button"
        className="at-button"
        data-size="main"
        disabled={stack.length === 0}
        onClick={() => void navigate(`/album-runs/new?${writeUses(uses).toString()}`)}
      >
        Apply to an album
      </button>
    </aside>
  );
}

/** Where a vector was measured to work; null until it was. */
export function band(range: readonly number[] | undefined): readonly [number, number] | null {
  const [low, high] = range ?? [];
  return low === undefined || high === undefined ? null : [low, high];
}
