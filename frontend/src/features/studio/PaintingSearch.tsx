/** Search by painting: vectors that would do what is painted, each tried on this picture. */

import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router";

import type { PaintingMatch } from "../../api/client";
import type { Scope } from "../../api/libraryFilter";
import { changesByPart, squareAround } from "../../canvas/changes";
import { Swatch } from "../../ui/Swatch";
import { percent, spokenStrength, strength as signed } from "../../ui/words";
import { useStudio, useStudioState } from "./context";
import { Icon } from "./icons";
import { PaintedCrop } from "./PaintedCrop";
import { usePaintingSearch } from "./usePaintingSearch";
import { foundWords } from "./words";

const ROOM = 8; // label-map pixels around what was painted
const SMALLEST = 24;
const MOST_PARTS = 4;
const SCOPES: readonly { value: Scope; label: string }[] = [
  { value: "all", label: "Team and community" },
  { value: "team", label: "Team only" },
  { value: "community", label: "Community only" },
];

export function PaintingSearch({ onClose }: { onClose: () => void }) {
  const { session } = useStudio();
  const [hasEdit, stack] = useStudioState((state) => [state.edit !== null, state.stack]);
  const [scope, setScope] = useState<Scope>("all");
  const found = usePaintingSearch(scope);
  const matches = hasEdit ? found.matches : null;
  const list = useRef<HTMLOListElement>(null);
  const [activeId, setActiveId] = useState<string | null>(null);
  const active = matches?.find(({ vector }) => vector.id === activeId) ?? matches?.[0];
  const inStack = new Set(stack.map((entry) => entry.edit_vector_version_id));

  useEffect(() => () => session.tryVector(null), [session]);
  useEffect(() => {
    if (!hasEdit) session.tryVector(null);
  }, [session, hasEdit]);

  const tryOne = (match: PaintingMatch | null) => {
    if (match) setActiveId(match.vector.id);
    session.tryVector(
      match && !inStack.has(match.vector.version.id)
        ? { edit_vector_version_id: match.vector.version.id, strength: match.strength }
        : null,
    );
  };
  const applyOne = (match: PaintingMatch) => {
    session.tryVector(null);
    session.addVector(match.vector.version.id, match.strength);
    session.say(`${match.vector.title} applied at ${spokenStrength(match.strength)}`);
  };
  const walk = (event: KeyboardEvent<HTMLOListElement>) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-walk]")];
    const at = rows.findIndex((row) => row.parentElement?.contains(document.activeElement));
    rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.focus();
  };

  return (
    <section className="st-card st-find" aria-label="Search by painting" data-region tabIndex={-1}>
      <div className="at-spread">
        <h2>Vectors that would do this</h2>
        <button
          type="button"
          className="at-button"
          data-quiet
          data-icon
          data-size="small"
          aria-label="Close the search"
          onClick={onClose}
        >
          <Icon name="close" size={16} />
        </button>
      </div>
      {hasEdit ? (
        <Changed />
      ) : (
        <p className="st-empty">
          Paint a part the way you want it. Vectors that would do it appear here, each tried on this
          picture.
        </p>
      )}
      <div className="at-spread st-find-head">
        <p className="at-hint" role="status">
          {hasEdit && (found.isAsking && matches === null ? "Looking" : foundWords(found))}
        </p>
        <span className="st-select">
          <select
            aria-label="Where to look"
            value={scope}
            onChange={(event) => setScope(event.currentTarget.value as Scope)}
          >
            {SCOPES.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
          <Icon name="chevron" size={14} />
        </span>
      </div>
      {hasEdit && found.refusal && (
        <p className="st-refused" role="alert">
          {found.refusal}{" "}
          <button type="button" className="at-link" onClick={found.askAgain}>
            Ask again
          </button>
        </p>
      )}
      {hasEdit && found.isAsking && matches === null && (
        <ol className="st-matches" aria-hidden="true">
          {[0, 1, 2].map((at) => (
            <li key={at} className="st-match-ghost at-ghost" />
          ))}
        </ol>
      )}
      {matches?.length === 0 && !found.isAsking && (
        <p className="st-empty">
          No vector does this yet. Optimize from scratch, then save the result as an edit vector.
        </p>
      )}
      {matches && matches.length > 0 && (
        <ol
          ref={list}
          className="st-matches"
          data-waiting={found.isAsking || undefined}
          onKeyDown={walk}
          onPointerLeave={() => tryOne(null)}
          onBlur={(event) => {
            if (!event.currentTarget.contains(event.relatedTarget)) tryOne(null);
          }}
        >
          {matches.map((match) => (
            <Row
              key={match.vector.id}
              match={match}
              isActive={match === active}
              isUsed={inStack.has(match.vector.version.id)}
              onTry={() => tryOne(match)}
              onUse={() => applyOne(match)}
            />
          ))}
        </ol>
      )}
    </section>
  );
}

function Row({
  match,
  isActive,
  isUsed,
  onTry,
  onUse,
}: {
  match: PaintingMatch;
  isActive: boolean;
  isUsed: boolean;
  onTry: () => void;
  onUse: () => void;
}) {
  const mayEdit = useStudioState((state) => state.mayEdit);
  const { vector, strength } = match;
  const card = vector.version.card;
  return (
    <li
      className="st-match"
      data-active={isActive || undefined}
      onPointerEnter={(event) => event.pointerType === "mouse" && onTry()}
      onFocus={onTry}
    >
      <button
        type="button"
        data-walk
        className="st-match-picture"
        aria-label={`${vector.title}, ${percent(match.match)} alike, suggested ${spokenStrength(strength)}: show it on this picture`}
        aria-keyshortcuts="Enter"
        onClick={onTry}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || isUsed || !mayEdit) return;
          event.preventDefault();
          onUse();
        }}
      >
        <img src={match.picture_url} alt="" width={92} height={92} />
      </button>
      <div className="st-match-words">
        <div className="at-spread">
          <strong className="at-ellipsis">{vector.title}</strong>
          <strong>{percent(match.match)}</strong>
        </div>
        <p className="at-hint at-ellipsis">
          {vector.author.name} · {vector.is_team ? "team" : "community"}
          {vector.forked_from && ` · fork of ${vector.forked_from.title}`}
        </p>
        <span className="st-match-bar" aria-hidden="true">
          <span style={{ width: `${100 * match.match}%` }} />
        </span>
        <div className="st-match-foot">
          <button
            type="button"
            className="at-button"
            data-size="small"
            data-filled={(isActive && !isUsed) || undefined}
            disabled={isUsed || !mayEdit}
            onClick={onUse}
          >
            {isUsed ? "In the stack" : `Use at ${signed(strength)}`}
          </button>
          <Link className="at-link" to={`/library/${vector.id}`}>
            Card
          </Link>
          {card && <span className="at-hint">{percent(card.locality)} local</span>}
        </div>
      </div>
    </li>
  );
}

/** Now and painted side by side, with what changed in pixels. */
function Changed() {
  const { session, family } = useStudio();
  const number = useStudioState((state) => state.paintingNumber);
  const shown = useMemo(() => {
    const painting = number >= 0 ? session.painting : null; // another number, another painting
    if (!painting) return null;
    const square = squareAround(painting.before, painting.painted, ROOM, SMALLEST);
    return square && { ...painting, square };
  }, [session, number]);
  if (!shown) return null;
  const changes = changesByPart(shown.before, shown.painted).slice(0, MOST_PARTS);
  const crop = { picture: shown.picture, parts: family.parts, square: shown.square };
  return (
    <div className="st-changed">
      <PaintedCrop {...crop} labels={shown.before} name="Now" />
      <PaintedCrop {...crop} labels={shown.painted} name="Painted" />
      <div>
        <p className="at-hint">You changed</p>
        <ul>
          {changes.map(({ part, pixels }) => {
            const found = family.parts.find(({ id }) => id === part);
            return (
              <li key={part}>
                <Swatch color={found?.color ?? "var(--at-track)"} />
                <span className="at-ellipsis">{found?.title ?? "Unknown part"}</span>
                <span>{signed(pixels, 0)} px</span>
              </li>
            );
          })}
        </ul>
        <button type="button" className="at-link" onClick={() => session.clearPainting()}>
          Clear painting
        </button>
      </div>
    </div>
  );
}
