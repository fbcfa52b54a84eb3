/** Which key does what on the label canvas? The studio's keys, as far as they mean something. */

import type { Part } from "../../api/client";
import { ARROWS, OPACITIES, TOOL_KEYS, isTyping } from "../studio/shortcuts";
import type { Labelling } from "./labelling";

export interface LabelKeysHost {
  readonly labelling: Labelling;
  readonly parts: readonly Part[];
  help(): void;
  next(): void;
  previous(): void;
  finish(): void;
}

export const KEYS: readonly { readonly keys: string; readonly does: string }[] = [
  { keys: "B E L G I", does: "Brush, eraser, polygon or lasso, bucket, pick" },
  { keys: "H Z Space-drag", does: "Hand, zoom, pan" },
  { keys: "1 … 9", does: "A part of the list" },
  { keys: "N, Shift N", does: "Next, previous part" },
  { keys: "[ ]", does: "Smaller, larger brush" },
  { keys: "O, Shift O", does: "Labels on or off, next opacity" },
  { keys: "X (hold)", does: "The picture alone" },
  { keys: "0 + −", does: "Fit, zoom in, zoom out" },
  { keys: "Arrows, Shift arrows", does: "Move the brush 1 or 8 pixels" },
  { keys: "D", does: "Pen down or up at the brush" },
  { keys: "Enter", does: "Close the polygon" },
  { keys: "Ctrl Z, Ctrl Shift Z", does: "Undo, redo" },
  { keys: "Page up, Page down", does: "Previous, next picture" },
  { keys: "Ctrl Enter", does: "Done, and on to the next" },
];

/** Acts on a key; true if it meant something here. */
export function keyDown(event: KeyboardEvent, host: LabelKeysHost): boolean {
  const { labelling } = host;
  if (isTyping(event.target)) return false;
  const isOnCanvas = event.target instanceof HTMLCanvasElement;
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    if (key === "z") {
      if (event.shiftKey) labelling.redo();
      else labelling.undo();
    } else if (key === "enter") host.finish();
    else return false;
    return true;
  }
  if (event.altKey) return false;
  const arrow = ARROWS[event.key];
  if (arrow && isOnCanvas) {
    const step = event.shiftKey ? 8 : 1;
    labelling.moveBrush(arrow[0] * step, arrow[1] * step);
    return true;
  }
  switch (event.key) {
    case "Escape":
      return labelling.escape();
    case "PageDown":
      host.next();
      return true;
    case "PageUp":
      host.previous();
      return true;
    case " ":
      if (isOnCanvas) labelling.holdHand(true);
      return isOnCanvas;
    case "Enter":
      if (isOnCanvas) labelling.confirm();
      return isOnCanvas;
  }
  return event.key.length === 1 && letter(event, host);
}

export function keyUp(event: KeyboardEvent, labelling: Labelling): void {
  if (event.key === " ") labelling.holdHand(false);
  if (event.key.toLowerCase() === "x") labelling.look({ isBeforeHeld: false });
}

function letter(event: KeyboardEvent, { labelling, parts, help }: LabelKeysHost): boolean {
  const { state } = labelling;
  const key = event.key.toLowerCase();
  const tool = TOOL_KEYS[key];
  if (tool) {
    labelling.chooseTool(tool);
    return true;
  }
  if (/^[1-9]$/.test(key)) {
    const part = parts[Number(key) - 1];
    if (part) labelling.choosePart(part.id);
    return part !== undefined;
  }
  switch (key) {
    case "n": {
      const at = parts.findIndex(({ id }) => id === state.part);
      const next = parts[(at + (event.shiftKey ? parts.length - 1 : 1)) % parts.length];
      if (next) labelling.choosePart(next.id);
      return true;
    }
    case "[":
      labelling.setRadius(state.radius / 1.15);
      return true;
    case "]":
      labelling.setRadius(state.radius * 1.15);
      return true;
    case "o":
      if (event.shiftKey) {
        const next = OPACITIES.find((each) => each > state.opacity + 0.01) ?? OPACITIES[0] ?? 0.36;
        labelling.look({ opacity: next, mode: "overlay" });
      } else {
        labelling.look({ mode: state.mode === "overlay" ? "picture" : "overlay" });
      }
      return true;
    case "x":
      if (!event.repeat) labelling.look({ isBeforeHeld: true });
      return true;
    case "0":
      labelling.fit();
      return true;
    case "+":
    case "=":
      labelling.zoomBy(1.25);
      return true;
    case "-":
      labelling.zoomBy(0.8);
      return true;
    case "d":
      if (!event.repeat) labelling.togglePen();
      return true;
    case "?":
      help();
      return true;
    default:
      return false;
  }
}
