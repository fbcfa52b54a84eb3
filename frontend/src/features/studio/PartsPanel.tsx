/** What is painted, with which brush? */

import { type KeyboardEvent, useEffect, useRef, useState } from "react";

import { SUBPIXELS } from "../../canvas/space";
import { Avatar } from "../../ui/Avatar";
import { useStudio, useStudioState } from "./context";
import { Icon } from "./icons";
import { Slider } from "./Slider";

const NUMBERED = 9;

/** Brush diameter in label-map pixels. */
const diameter = (radius: number) => (2 * radius) / SUBPIXELS;

export function BrushSliders() {
  const { session } = useStudio();
  const [radius, opacity] = useStudioState((state) => [state.radius, state.opacity]);
  const pixels = diameter(radius).toFixed(1);
  return (
    <div className="st-brush">
      <div className="st-brush-row">
        <span aria-hidden="true">Size</span>
        <Slider
          label="Brush size"
          min={1}
          max={16}
          step={0.5}
          largeStep={2}
          value={diameter(radius)}
          valueText={`${pixels} pixels`}
          onChange={(value) => session.setRadius((value * SUBPIXELS) / 2)}
        />
        <output aria-hidden="true">{pixels} px</output>
      </div>
      <div className="st-brush-row">
        <span aria-hidden="true">Overlay</span>
        <Slider
          label="Overlay"
          min={0}
          max={100}
          step={1}
          largeStep={10}
          value={Math.round(opacity * 100)}
          valueText={`${Math.round(opacity * 100)} percent`}
          onChange={(value) => session.look({ opacity: value / 100 })}
        />
        <output aria-hidden="true">{Math.round(opacity * 100)} %</output>
      </div>
    </div>
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
  const list = useRef<HTMLUListElement>(null);
  const shown = parts.filter(({ title }) =>
    title.toLowerCase().includes((wanted ?? "").trim().toLowerCase()),
  );
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [part]);

  const walk = (event: KeyboardEvent) => {
    const at = shown.findIndex(({ id }) => id === part);
    const next = {
      ArrowDown: shown[Math.min(shown.length - 1, at + 1)],
      ArrowUp: shown[Math.max(0, at - 1)],
      Home: shown[0],
      End: shown.at(-1),
    }[event.key];
    if (!next || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    session.choosePart(next.id);
  };

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
      <ul
        ref={list}
        className="st-parts-list"
        role="listbox"
        aria-labelledby="st-parts-title"
        aria-activedescendant={`st-part-${part}`}
        tabIndex={0}
        onKeyDown={walk}
      >
        {shown.map(({ id, title, color, is_background }) => {
          const number = parts.findIndex((each) => each.id === id) + 1;
          const painters = people.filter((each) => each.part === id && each.user_id !== userId);
          return (
            <li
              key={id}
              id={`st-part-${id}`}
              role="option"
              aria-selected={id === part}
              onClick={() => session.choosePart(id)}
            >
              <span className="st-swatch" style={{ background: color }} />
              <span className="st-part-name at-ellipsis">
                {title}
                {edit?.parts.includes(id) && (
                  <span className="st-dot">
                    <span className="at-hidden">painted</span>
                  </span>
                )}
              </span>
              {painters.map((person) => (
                <Avatar key={person.user_id} person={person} size={18} />
              ))}
              {number <= NUMBERED && <kbd className="at-kbd" aria-hidden="true">{number}</kbd>}
              {number > NUMBERED && is_background && <Icon name="lock" size={14} />}
            </li>
          );
        })}
      </ul>
    </aside>
  );
}

/** The parts as a row of chips, for a phone. */
export function PartChips() {
  const { session, parts } = useStudio();
  const part = useStudioState((state) => state.part);
  return (
    <div className="st-chips" role="radiogroup" aria-label="Parts">
      {parts.map(({ id, title, color }) => (
        <button
          key={id}
          type="button"
          role="radio"
          className="st-chip"
          aria-checked={id === part}
          onClick={() => session.choosePart(id)}
        >
          <span className="st-swatch" style={{ background: color }} />
          {title}
        </button>
      ))}
    </div>
  );
}
