import { type KeyboardEvent, useRef } from "react";

import type { Revision } from "../../api/client";
import { IconStarFull } from "../../ui/icons";
import { shortWhen } from "../../ui/words";
import { type Edge, layTree } from "./tree";
import { kindShort, titleOf } from "./words";
import styles from "./history.module.css";

const ROW = 79;
const LANE = 30;
const LEFT = 36;

const x = (lane: number) => LEFT + lane * LANE;
const y = (row: number) => row * ROW + ROW / 2;

/** A line straight down the child's lane, bending into the parent's just above it. */
function line({ from, to }: Edge): string {
  if (from.lane === to.lane) return `M${x(from.lane)} ${y(from.row)}V${y(to.row)}`;
  const bend = y(to.row) - ROW * 0.62;
  const start = Math.max(y(from.row), bend - ROW * 0.38);
  return (
    `M${x(from.lane)} ${y(from.row)}V${start}` +
    `C${x(from.lane)} ${bend + ROW * 0.3} ${x(to.lane)} ${bend} ${x(to.lane)} ${y(to.row)}`
  );
}

/** The revisions, newest on top, with their branches. Click sets B, Shift-click sets A. */
export function RevisionTree({
  revisions,
  a,
  b,
  now,
  onChoose,
}: {
  readonly revisions: readonly Revision[];
  readonly a: string | null;
  readonly b: string | null;
  readonly now: Date;
  readonly onChoose: (id: string, side: "a" | "b") => void;
}) {
  const list = useRef<HTMLUListElement>(null);
  const tree = layTree(revisions);
  const indent = x(tree.lanes - 1) + 28;
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    const rows = [...(list.current?.querySelectorAll<HTMLButtonElement>("button[data-row]") ?? [])];
    const at = rows.findIndex((row) => row === document.activeElement);
    const next = rows[at + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  return (
    <ul
      ref={list}
      className={styles.tree}
      onKeyDown={onKeyDown}
      aria-label="Revisions, newest first"
    >
      <svg className={styles.lines} width={indent} height={revisions.length * ROW} aria-hidden>
        {tree.edges.map((edge) => (
          <path key={edge.from.id} d={line(edge)} />
        ))}
        {tree.nodes.map(({ id, row, lane }) => (
          <circle
            key={id}
            cx={x(lane)}
            cy={y(row)}
            r={id === a || id === b ? 7 : 5.5}
            data-on={id === a || id === b || undefined}
          />
        ))}
      </svg>
      {revisions.map((revision) => (
        <li key={revision.id} style={{ height: ROW, paddingLeft: indent - 8 }}>
          <button
            type="button"
            data-row
            className={styles.row}
            aria-pressed={revision.id === b}
            aria-label={`${titleOf(revision)}, ${kindShort(revision.kind)} by ${revision.author.name}, ${shortWhen(revision.created_at, now)}${revision.id === a ? ", shown as A" : ""}${revision.id === b ? ", shown as B" : ""}`}
            onClick={(event) => onChoose(revision.id, event.shiftKey ? "a" : "b")}
          >
            <img src={revision.thumbnail_url} alt="" width={54} height={54} loading="lazy" />
            <span className={styles.rowWords}>
              <strong className="at-ellipsis">{titleOf(revision)}</strong>
              <span className="at-ellipsis">
                {kindShort(revision.kind)} · {revision.author.name.split(" ")[0]} ·{" "}
                {shortWhen(revision.created_at, now)}
              </span>
            </span>
            {revision.starred && <IconStarFull size={15} className={styles.star} label="Starred" />}
            {revision.id === a && <span className="at-letter">A</span>}
            {revision.id === b && <span className="at-letter">B</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}
