/** How shall the edit be called, so that others find it? */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import type { Revision } from "../../api/client";
import { keys } from "../../api/queries";
import { useStudio } from "./context";
import * as data from "./data";
import { Dialog } from "./Dialog";
import { titleOf } from "./titles";

export function SaveVector({ revision, onClose }: { revision: Revision; onClose: () => void }) {
  const { session, image, revisions, family } = useStudio();
  const client = useQueryClient();
  const [title, setTitle] = useState(() => titleOf(revision, family.parts));
  const [tags, setTags] = useState("");
  const [description, setDescription] = useState("");
  const [versionOf, setVersionOf] = useState<string | null>(null);
  const own = useQuery(data.ownVectorsQuery(image.bundle));
  const parent = revisions.find(({ id }) => id === revision.parent_id);
  const save = useMutation({
    mutationFn: () =>
      versionOf !== null
        ? data.saveVersion(revision.id, versionOf, description.trim())
        : data.saveEditVector(revision.id, {
            title: title.trim(),
            description: description.trim(),
            tags: [
              ...new Set(
                tags
                  .split(",")
                  .map((tag) => tag.trim())
                  .filter(Boolean),
              ),
            ],
          }),
    onSuccess: (vector) => {
      void client.invalidateQueries({ queryKey: keys.library });
      session.say(
        versionOf !== null
          ? `Saved as a new version of ${vector.title}. It is measured first.`
          : `Saved ${vector.title}. Your team can find it in the library.`,
      );
      onClose();
    },
  });
  const isReady = versionOf !== null ? description.trim() !== "" : title.trim() !== "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isReady && !save.isPending) save.mutate();
  };
  return (
    <Dialog title="Save as edit vector" width={560} onClose={onClose}>
      <form onSubmit={submit} className="st-form">
        <div className="st-pair">
          {parent && (
            <figure>
              <img src={parent.picture_url} alt="" width={160} height={160} />
              <figcaption>Before, strength 0</figcaption>
            </figure>
          )}
          <figure>
            <img src={revision.picture_url} alt="" width={160} height={160} />
            <figcaption>After, strength +1.00</figcaption>
          </figure>
          <p className="at-hint">
            The difference of the two becomes an edit vector that works on every picture of its
            family. It is measured on pictures it has never seen, and its card shows how well it
            holds.
          </p>
        </div>
        {own.data && own.data.length > 0 && (
          <label>
            <span className="at-label">Save it as</span>
            <select
              className="at-field"
              value={versionOf ?? ""}
              onChange={(event) => setVersionOf(event.currentTarget.value || null)}
            >
              <option value="">A new edit vector</option>
              {own.data.map((vector) => (
                <option key={vector.id} value={vector.id}>
                  Version {vector.version.number + 1} of {vector.title}
                </option>
              ))}
            </select>
          </label>
        )}
        {versionOf === null && (
          <>
            <label>
              <span className="at-label">Name</span>
              <input
                className="at-field"
                autoFocus
                required
                maxLength={120}
                value={title}
                onFocus={(event) => event.currentTarget.select()}
                onChange={(event) => setTitle(event.currentTarget.value)}
              />
            </label>
            <label>
              <span className="at-label">Tags, with commas between</span>
              <input
                className="at-field"
                maxLength={400}
                placeholder="smile, mouth corners"
                value={tags}
                onChange={(event) => setTags(event.currentTarget.value)}
              />
            </label>
          </>
        )}
        <label>
          <span className="at-label">{versionOf === null ? "Description" : "What is new"}</span>
          <textarea
            className="at-field"
            rows={2}
            maxLength={2000}
            value={description}
            onChange={(event) => setDescription(event.currentTarget.value)}
          />
        </label>
        {save.error && (
          <p className="st-refused" role="alert">
            {save.error.message}
          </p>
        )}
        <footer className="st-form-foot">
          <span className="at-hint">Your team sees it in the library.</span>
          <button type="button" className="at-button" onClick={onClose}>
            Not now
          </button>
          <button
            type="submit"
            className="at-button"
            data-filled
            disabled={!isReady || save.isPending}
          >
            {save.isPending ? "Saving" : "Save"}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
