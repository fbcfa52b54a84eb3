/** The zoom: click for nearer, with Alt for further; drag sideways for any amount. */

import type { ScreenPoint } from "../space";
import { type Viewport, zoomAt } from "../viewport";
import type { Tool, ToolHost } from "./tool";

const CLICK_FACTOR = 1.5;
const CLICK_PIXELS = 4;
const PIXELS_PER_DOUBLING = 120;

export function createZoom(host: ToolHost): Tool {
  let from: { readonly pointer: ScreenPoint; readonly viewport: Viewport } | null = null;
  return {
    cursor: "zoom-in",
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
      const travel = screen.x - from.pointer.x;
      if (Math.abs(travel) < CLICK_PIXELS) return;
      host.setViewport(zoomAt(from.viewport, from.pointer, 2 ** (travel / PIXELS_PER_DOUBLING)));
    },
    up({ screen, isAlternate }) {
      if (from && Math.abs(screen.x - from.pointer.x) < CLICK_PIXELS) {
        host.setViewport(
          zoomAt(from.viewport, screen, isAlternate ? 1 / CLICK_FACTOR : CLICK_FACTOR),
        );
      }
      from = null;
    },
    hover: () => undefined,
    confirm: () => false,
  };
}
