/** Which part is painted? As a list beside the canvas, or as chips on a phone. */

import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef } from "react";

import type { Part } from "../../api/client";

/** So many parts have a digit that chooses them. */
export const NUMBERED = 9;

interface Choice {
  readonly parts: readonly Part[];
  readonly chosen: number;
  readonly onChoose: (id: number) => void;
}

export function PartList({
  parts,
  shown = parts,
  chosen,
  titleId,
  onChoose,
  mark,
  end,
}: Choice & {
  /** Those that were looked for; digits stay those of all parts. */
  readonly shown?: readonly Part[];
  /** The element that names the list. */
  readonly titleId: string;
  /** What stands behind a part's title. */
  readonly mark?: (part: Part) => ReactNode;
  /** What stands at the end of its line, before the digit. */
  readonly end?: (part: Part, digit: number | null) => ReactNode;
}) {
  const id = useId();
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  const walk = (event: KeyboardEvent) => {
    const at = shown.findIndex((part) => part.id === chosen);
    const next = {
      ArrowDown: shown[Math.min(shown.length - 1, at + 1)],
      ArrowUp: shown[Math.max(0, at - 1)],
      Home: shown[0],
      End: shown.at(-1),
    }[event.key];
    if (!next || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    onChoose(next.id);
  };
  return (
    <ul
      ref={list}
      className="st-parts-list"
      role="listbox"
      aria-labelledby={titleId}
      aria-activedescendant={`${id}${chosen}`}
      tabIndex={0}
      onKeyDown={walk}
    >
      {shown.map((part) => {
        const number = parts.findIndex((each) => each.id === part.id) + 1;
        const digit = number <= NUMBERED ? number : null;
        return (
          <li
            key={part.id}
            id={`${id}${part.id}`}
            role="option"
            aria-selected={part.id === chosen}
            onClick={() => onChoose(part.id)}
          >
            <span className="st-swatch" style={{ background: part.color }} />
            <span className="st-part-name at-ellipsis">
              {part.title}
              {mark?.(part)}
            </span>
            {end?.(part, digit)}
            {digit !== null && (
              <kbd className="at-kbd" aria-hidden="true">
                {digit}
              </kbd>
            )}
          </li>
        );
      })}
    </ul>
  );
}

export function PartChips({ parts, chosen, onChoose }: Choice) {
  return (
    <div className="st-chips" role="radiogroup" aria-label="Parts">
      {parts.map(({ id, title, color }) => (
        <button
          key={id}
          type="button"
          role="radio"
          className="st-chip"
          aria-checked={id === chosen}
          onClick={() => onChoose(id)}
        >
          <span className="st-swatch" style={{ background: color }} />
          {title}
        </button>
      ))}
    </div>
  );
}
