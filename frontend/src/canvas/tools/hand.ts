/** The hand: drags the picture. */

import type { ScreenPoint } from "../space";
import { type Viewport, panBy } from "../viewport";
import type { Tool, ToolHost } from "./tool";

export function createHand(host: ToolHost): Tool {
  let from: { readonly pointer: ScreenPoint; readonly viewport: Viewport } | null = null;
  return {
    cursor: "grab",
    paints: false,
    enter: () => undefined,
    exit() {
      from = null;
    },
    cancel() {
      if (!from) return false;
      host.setViewport(from.viewport);
      from = null;
      return true;
    },
    down({ screen }) {
      from = { pointer: screen, viewport: host.viewport };
    },
    move({ screen }) {
      if (!from) return;
      host.setViewport(
        panBy(from.viewport, screen.x - from.pointer.x, screen.y - from.pointer.y),
      );
    },
    up() {
      from = null;
    },
    hover: () => undefined,
    confirm: () => false,
  };
}
