/**
 * How does a list of parts change without losing labels? Parts keep their id for ever; a
 * removed one says what becomes of its pixels.
 */

import type { Part } from "../../api/client";

/** A part in the editor. Without an id it is new, and the server gives it one. */
export interface PartDraft {
  readonly id: number | null;
  readonly name: string;
  readonly title: string;
  readonly color: string;
  readonly group: string;
  readonly is_background: boolean;
}

export interface SchemaDraft {
  readonly parts: readonly PartDraft[];
  /** What becomes of the pixels of parts removed here: a kept part's id, or unlabelled. */
  readonly merged: Readonly<Record<string, number | null>>;
}

/** A value of label maps: this pixel is not labelled yet. */
export const UNLABELLED = 255;

export const draftOf = (parts: readonly Part[]): SchemaDraft => ({
  parts: parts.map(({ id, name, title, color, group, is_background }) => ({
    id,
    name,
    title,
    color,
    group,
    is_background,
  })),
  merged: {},
});

/** The template's parts, all of them new. */
export const draftFrom = (parts: readonly Omit<Part, "id">[]): SchemaDraft => ({
  parts: parts.map(({ name, title, color, group, is_background }) => ({
    id: null,
    name,
    title,
    color,
    group,
    is_background,
  })),
  merged: {},
});

/** A title as a name: "Brow, left" is "brow_left". */
export function nameOf(title: string): string {
  const plain = title
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return /^[a-z]/.test(plain) ? plain : plain && `part_${plain}`;
}

export function addPart(draft: SchemaDraft): SchemaDraft {
  const taken = new Set(draft.parts.map(({ title }) => title));
  let title = "New part";
  for (let number = 2; taken.has(title); number++) title = `New part ${number}`;
  const color = nextColor(draft.parts.map((part) => part.color));
  const last = draft.parts.at(-1);
  const part: PartDraft = {
    id: null,
    name: nameOf(title),
    title,
    color,
    group: last?.group ?? "",
    is_background: false,
  };
  return { ...draft, parts: [...draft.parts, part] };
}

/** The draft with one part changed. A part that is new takes its name from its title. */
export function changePart(
  draft: SchemaDraft,
  at: number,
  change: Partial<Omit<PartDraft, "id">>,
): SchemaDraft {
  return {
    ...draft,
    parts: draft.parts.map((part, i) => {
      if (i !== at) {
        return change.is_background ? { ...part, is_background: false } : part;
      }
      const name =
        change.title !== undefined && part.id === null ? nameOf(change.title) : part.name;
      return { ...part, name, ...change };
    }),
  };
}

export function movePart(draft: SchemaDraft, at: number, step: -1 | 1): SchemaDraft {
  const parts = [...draft.parts];
  const [part] = parts.splice(at, 1);
  if (!part) return draft;
  parts.splice(Math.max(0, Math.min(parts.length, at + step)), 0, part);
  return { ...draft, parts };
}

/** Without one part; `into` is the id its pixels get, or null for unlabelled. */
export function removePart(draft: SchemaDraft, at: number, into: number | null): SchemaDraft {
  const gone = draft.parts[at];
  if (!gone) return draft;
  const parts = draft.parts.filter((_, i) => i !== at);
  if (gone.id === null) return { ...draft, parts };
  // What was to go into this part goes where this part goes.
  const merged = Object.fromEntries(
    Object.entries(draft.merged).map(([id, to]) => [id, to === gone.id ? into : to]),
  );
  return { parts, merged: { ...merged, [String(gone.id)]: into } };
}

export interface Fault {
  readonly at: number | null; // the part, or all of them
  readonly words: string;
}

/** What the server would refuse, said before asking it. */
export function faults({ parts }: SchemaDraft): Fault[] {
  const found: Fault[] = [];
  const seen = (key: (part: PartDraft) => string, words: (first: PartDraft) => string) => {
    const known = new Map<string, PartDraft>();
    parts.forEach((part, at) => {
      const value = key(part);
      const first = known.get(value);
      if (!value) return;
      if (first) found.push({ at, words: words(first) });
      else known.set(value, part);
    });
  };
  parts.forEach(({ title }, at) => {
    if (title.trim() === "") found.push({ at, words: "Give this part a name." });
    else if (nameOf(title) === "") found.push({ at, words: "Use a letter or figure in the name." });
  });
  seen(
    ({ title }) => title.trim().toLowerCase(),
    ({ title }) => `“${title}” stands twice. Give one of them another name.`,
  );
  seen(
    ({ color }) => color.toLowerCase(),
    ({ title }) => `The same colour as “${title}”. Choose another, so that both can be told apart.`,
  );
  if (parts.length < 2)
    found.push({ at: null, words: "Two parts are the least: one to tell from the rest." });
  const grounds = parts.filter(({ is_background }) => is_background).length;
  if (grounds === 0) found.push({ at: null, words: "Mark one part as background." });
  return found;
}

// ---- colours -----------------------------------------------------------------------------

/** Colours of the portraits family, which differ for every kind of colour vision. */
const PALETTE = [
  "#2E3B74", "#BACBAB", "#622601", "#719871", "#0A4AA8", "#98AEFE", "#131248", "#E98601",
  "#BA5097", "#860F43", "#F984E3", "#9E51C8", "#EDBF41", "#41ADB1", "#F2E610", "#A3E6FF",
  "#6F7E00", "#6C6AFF", "#FCFFFD", "#1E0003",
]; // prettier-ignore

/** The colour that is furthest from all that are taken. */
export function nextColor(taken: readonly string[]): string {
  const known = taken.map(toLab);
  let best = PALETTE[0] ?? "#2E3B74";
  let most = -1;
  for (const color of [...PALETTE, ...wheel()]) {
    const lab = toLab(color);
    const nearest = Math.min(...known.map((other) => distance(lab, other)), 9);
    if (nearest > most + 1e-6) [best, most] = [color, nearest];
    if (known.length === 0) break;
  }
  return best;
}

function wheel(): string[] {
  const colors: string[] = [];
  for (const light of [0.25, 0.5, 0.75]) {
    for (let turn = 0; turn < 24; turn++) {
      const at = (shift: number) => {
        const wave = light + light * (1 - light) * 2 * Math.cos(2 * Math.PI * (turn / 24 + shift));
        return Math.round(255 * Math.max(0, Math.min(1, wave)))
          .toString(16)
          .padStart(2, "0")
          .toUpperCase();
      };
      colors.push(`#${at(0)}${at(1 / 3)}${at(2 / 3)}`);
    }
  }
  return colors;
}

type Lab = readonly [l: number, a: number, b: number];

/** A colour in OKLab (Ottosson 2020), where distances are as large as they look. */
function toLab(hex: string): Lab {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

const distance = (a: Lab, b: Lab) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
