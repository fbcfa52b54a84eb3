/** Which edit vector shall be added? Found by typing, shown by its effect. */

import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useDeferredValue, useState } from "react";

import type { EditVector } from "../../api/client";
import { useStudio, useStudioState } from "./context";
import * as data from "./data";
import { Dialog } from "./Dialog";

export function VectorPicker({ onClose }: { onClose: () => void }) {
  const { session, image } = useStudio();
  const stack = useStudioState((state) => state.stack);
  const [typed, setTyped] = useState("");
  const q = useDeferredValue(typed.trim());
  const found = useQuery(data.searchQuery(image.bundle, q));
  const inStack = new Set(stack.map((entry) => entry.edit_vector_version_id));
  const vectors = found.data?.items ?? [];

  const add = (vector: EditVector) => {
    session.addVector(vector.version.id);
    session.say(`Added ${vector.title}`);
    onClose();
  };
  const walk = (event: KeyboardEvent<HTMLElement>) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-walk]")];
    const at = buttons.findIndex((each) => each === document.activeElement);
    buttons[Math.max(0, Math.min(buttons.length - 1, at + step))]?.focus();
  };

  return (
    <Dialog title="Add an edit vector" width={560} onClose={onClose}>
      <div onKeyDown={walk} className="st-picker">
        <input
          className="at-field"
          type="search"
          autoFocus
          data-walk
          aria-label="Search edit vectors"
          placeholder="Name, tag or part"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => {
            const first = vectors.find(({ version }) => !inStack.has(version.id));
            if (event.key === "Enter" && first) add(first);
          }}
        />
        <p className="at-hidden" role="status">
          {found.data && `${found.data.total} edit vectors found`}
        </p>
        {found.error && <p className="st-warn">{found.error.message}</p>}
        {found.data && vectors.length === 0 && (
          <p className="st-empty">
            {q
              ? "No vector has these words. Try fewer, or paint it and save it as one."
              : "The library is empty. Paint, optimize, and save the first vector."}
          </p>
        )}
        <ul className="st-picker-list">
          {vectors.map((vector) => (
            <li key={vector.id}>
              <button
                type="button"
                data-walk
                disabled={inStack.has(vector.version.id)}
                onClick={() => add(vector)}
              >
                {vector.thumbnail_url ? (
                  <img src={vector.thumbnail_url} alt="" width={54} height={54} />
                ) : (
                  <span className="st-vector-blank" style={{ width: 54, height: 54 }} />
                )}
                <span className="st-vector-name">
                  <span className="at-ellipsis">{vector.title}</span>
                  <span className="at-hint at-ellipsis">
                    {vector.author.name} · v{vector.version.number}
                    {vector.tags.length > 0 && ` · ${vector.tags.join(", ")}`}
                  </span>
                </span>
                {inStack.has(vector.version.id) && <span className="at-hint">In the stack</span>}
                {vector.strip_urls.length > 0 && (
                  <span className="st-picker-strip" aria-hidden="true">
                    {vector.strip_urls.map((url) => (
                      <img key={url} src={url} alt="" width={38} height={38} />
                    ))}
                  </span>
                )}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}
