/** Which key does what in the studio? */

import type { ToolName } from "../../canvas/tools/tool";
import { SUBPIXELS } from "../../canvas/space";
import type { Part } from "../../api/client";
import type { StudioSession } from "./session";

export interface ShortcutHost {
  readonly session: StudioSession;
  readonly parts: readonly Part[];
  readonly areLettersOn: boolean;
  openSheet(): void;
  openPicker(): void;
  findByPainting(): void;
  openSave(): void;
  older(): void;
  newer(): void;
}

export const SHORTCUTS: readonly { readonly keys: string; readonly does: string }[] = [
  { keys: "B E L G I", does: "Brush, eraser, polygon, bucket, pick" },
  { keys: "H Z Space-drag", does: "Hand, zoom, pan" },
  { keys: "1 … 9", does: "A part of the list" },
  { keys: "N, Shift N", does: "Next, previous part" },
  { keys: "[ ]", does: "Smaller, larger brush" },
  { keys: "O, Shift O", does: "Overlay on or off, next opacity" },
  { keys: "U", does: "Where the parts are uncertain, on or off" },
  { keys: "X (hold)", does: "The picture before" },
  { keys: "0 + −", does: "Fit, zoom in, zoom out" },
  { keys: "Arrows, Shift arrows", does: "Move the brush 1 or 8 pixels" },
  { keys: "D", does: "Pen down or up at the brush" },
  { keys: "Enter", does: "Close the polygon" },
  { keys: "Ctrl Z, Ctrl Shift Z", does: "Undo, redo your strokes" },
  { keys: "Ctrl Enter", does: "Optimize" },
  { keys: "Esc", does: "Drop a stroke, cancel the run" },
  { keys: "K, R", does: "Keep, refine" },
  { keys: "V, P", does: "Add an edit vector, search by painting" },
  { keys: "Ctrl S", does: "Save as edit vector" },
  { keys: ", .", does: "Older, newer revision" },
  { keys: "← → on a slider", does: "0.05; with Shift 0.25; 0 resets" },
  { keys: "Ctrl ↓, Ctrl ↑", does: "Next, previous region of the screen" },
  { keys: "?", does: "This sheet" },
];

/** The tool behind each letter. */
export const TOOL_KEYS: Readonly<Record<string, ToolName>> = {
  b: "brush",
  e: "eraser",
  l: "polygon",
  g: "bucket",
  i: "pick",
  h: "hand",
  z: "zoom",
};
export const OPACITIES = [0.2, 0.36, 0.6, 0.85];
export const ARROWS: Readonly<Record<string, readonly [dx: number, dy: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Whether keys belong to a field or dialog now. */
export const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target.closest("input:not([type=range]), textarea, select, dialog") !== null);

/** Acts on a key; true if it meant something here. */
export function keyDown(event: KeyboardEvent, host: ShortcutHost): boolean {
  const { session } = host;
  if (isTyping(event.target)) return false;
  const isOnCanvas = event.target instanceof HTMLCanvasElement;
  if (event.ctrlKey || event.metaKey) return withControl(event, host);
  if (event.altKey) return false;
  if (event.key === "Escape") return session.escape();
  const arrow = ARROWS[event.key];
  if (arrow && isOnCanvas) {
    const step = event.shiftKey ? 8 : 1;
    session.moveBrush(arrow[0] * step, arrow[1] * step);
    return true;
  }
  if (event.key === " ") {
    if (isOnCanvas) session.holdHand(true);
    return isOnCanvas;
  }
  if (event.key === "Enter") {
    if (isOnCanvas) session.confirm();
    return isOnCanvas;
  }
  return host.areLettersOn && event.key.length === 1 && letter(event, host);
}

export function keyUp(event: KeyboardEvent, { session }: ShortcutHost): void {
  if (event.key === " ") session.holdHand(false);
  if (event.key.toLowerCase() === "x") session.look({ isBeforeHeld: false });
}

function withControl(event: KeyboardEvent, host: ShortcutHost): boolean {
  const { session } = host;
  switch (event.key.toLowerCase()) {
    case "z":
      if (event.shiftKey) session.redo();
      else session.undo();
      return true;
    case "enter":
      void session.optimize();
      return true;
    case "s":
      host.openSave();
      return true;
    case "arrowdown":
      walkRegions(1);
      return true;
    case "arrowup":
      walkRegions(-1);
      return true;
    default:
      return false;
  }
}

function letter(event: KeyboardEvent, host: ShortcutHost): boolean {
  const { session, parts } = host;
  const { state } = session;
  const key = event.key.toLowerCase();
  const tool = TOOL_KEYS[key];
  if (tool) {
    session.chooseTool(tool);
    return true;
  }
  if (/^[1-9]$/.test(key)) {
    const part = parts[Number(key) - 1];
    if (part) session.choosePart(part.id);
    return part !== undefined;
  }
  switch (key) {
    case "n": {
      const at = parts.findIndex(({ id }) => id === state.part);
      const next = parts[(at + (event.shiftKey ? parts.length - 1 : 1)) % parts.length];
      if (next) session.choosePart(next.id);
      return true;
    }
    case "[":
      session.setRadius(state.radius - SUBPIXELS / 4);
      return true;
    case "]":
      session.setRadius(state.radius + SUBPIXELS / 4);
      return true;
    case "o":
      if (event.shiftKey) {
        const next = OPACITIES.find((each) => each > state.opacity + 0.01) ?? OPACITIES[0] ?? 0.36;
        session.look({ opacity: next, mode: "overlay" });
      } else {
        session.look({ mode: state.mode === "overlay" ? "picture" : "overlay" });
      }
      return true;
    case "u":
      session.look({ mode: state.mode === "uncertainty" ? "overlay" : "uncertainty" });
      return true;
    case "x":
      if (!event.repeat) session.look({ isBeforeHeld: true });
      return true;
    case "0":
      session.fit();
      return true;
    case "+":
    case "=":
      session.zoomBy(1.25);
      return true;
    case "-":
      session.zoomBy(0.8);
      return true;
    case "d":
      if (!event.repeat) session.togglePen();
      return true;
    case "k":
      void session.keep();
      return true;
    case "r":
      void session.refine();
      return true;
    case "v":
      host.openPicker();
      return true;
    case "p":
      host.findByPainting();
      return true;
    case ",":
      host.older();
      return true;
    case ".":
      host.newer();
      return true;
    case "?":
      host.openSheet();
      return true;
    default:
      return false;
  }
}

/** Moves the focus to the next region of the screen, round and round. */
function walkRegions(step: 1 | -1): void {
  const regions = [...document.querySelectorAll<HTMLElement>("[data-region]")].filter(
    (each) => each.offsetParent !== null,
  );
  const at = regions.findIndex((each) => each.contains(document.activeElement));
  const next = regions[(at + step + regions.length) % regions.length];
  (next?.querySelector<HTMLElement>("canvas, [role=listbox]") ?? next)?.focus();
}
