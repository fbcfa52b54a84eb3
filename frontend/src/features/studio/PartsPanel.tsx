/** What is painted, with which brush? */

import { useState } from "react";

import { Avatar } from "../../ui/Avatar";
import { Brush } from "../painting/Brush";
import { PartChips, PartList } from "../painting/Parts";
import { useStudio, useStudioState } from "./context";
import { Icon } from "./icons";

export function BrushSliders() {
  const { session } = useStudio();
  const [radius, opacity] = useStudioState((state) => [state.radius, state.opacity]);
  return (
    <Brush
      radius={radius}
      opacity={opacity}
      most={16}
      overlay={{ word: "Overlay", name: "Overlay" }}
      onRadius={(next) => session.setRadius(next)}
      onOpacity={(next) => session.look({ opacity: next })}
    />
  );
}

export function PartsPanel() {
  const { session, parts } = useStudio();
  const [part, edit, people, userId] = useStudioState((state) => [
    state.part,
    state.edit,
    state.people,
    state.userId,
  ]);
  const [wanted, setWanted] = useState<string | null>(null);
  const shown = parts.filter(({ title }) =>
    title.toLowerCase().includes((wanted ?? "").trim().toLowerCase()),
  );

  return (
    <aside className="st-parts" aria-label="Brush and parts" data-region tabIndex={-1}>
      <div className="st-parts-brush">
        <div className="at-spread">
          <h2>Brush</h2>
          <span className="at-hint">Round</span>
        </div>
        <BrushSliders />
      </div>
      <div className="at-spread st-parts-head">
        <h2 id="st-parts-title">Parts</h2>
        <button
          type="button"
          className="at-button"
          data-quiet
          data-icon
          data-size="small"
          aria-label="Find a part"
          aria-expanded={wanted !== null}
          onClick={() => setWanted(wanted === null ? "" : null)}
        >
          <Icon name="search" size={16} />
        </button>
      </div>
      {wanted !== null && (
        <input
          className="at-field st-parts-search"
          type="search"
          autoFocus
          aria-label="Find a part by name"
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
          onKeyDown={(event) => {
            event.stopPropagation();
            const [first] = shown;
            if (event.key === "Enter" && first) session.choosePart(first.id);
            if (event.key === "Escape" || event.key === "Enter") setWanted(null);
          }}
        />
      )}
      <PartList
        parts={parts}
        shown={shown}
        chosen={part}
        titleId="st-parts-title"
        onChoose={(id) => session.choosePart(id)}
        mark={({ id }) =>
          edit?.parts.includes(id) && (
            <span className="st-dot">
              <span className="at-hidden">painted</span>
            </span>
          )
        }
        end={({ id, is_background }, digit) => (
          <>
            {people
              .filter((each) => each.part === id && each.user_id !== userId)
              .map((person) => (
                <Avatar key={person.user_id} person={person} size={18} />
              ))}
            {digit === null && is_background && <Icon name="lock" size={14} />}
          </>
        )}
      />
    </aside>
  );
}

/** The parts as a row of chips, for a phone. */
export function StudioChips() {
  const { session, parts } = useStudio();
  const part = useStudioState((state) => state.part);
  return <PartChips parts={parts} chosen={part} onChoose={(id) => session.choosePart(id)} />;
}
