/**
 * What do the hands do? Pointer events of a canvas, told apart: one pointer works a tool,
 * two pan and zoom, a short tap with two takes the last stroke back.
 */

import { type ScreenPoint, screenPoint } from "./space";

export interface PointerListener {
  down(at: ScreenPoint, isAlternate: boolean, isTouch: boolean): void;
  move(at: ScreenPoint, isAlternate: boolean): void;
  up(at: ScreenPoint, isAlternate: boolean): void;
  hover(at: ScreenPoint): void;
  leave(): void;
  /** A second finger came: what the first began was not meant. */
  cancel(): void;
  confirm(): void;
  pan(dx: number, dy: number): void;
  zoom(anchor: ScreenPoint, factor: number): void;
  undoTap(): void;
}

export interface Pointers {
  stop(): void;
}

const TAP_MS = 280;
const TAP_PIXELS = 10;
const WHEEL_DOUBLING = 420;

export function listenToPointers(canvas: HTMLCanvasElement, listener: PointerListener): Pointers {
  const stop = new AbortController();
  const down = new Map<number, ScreenPoint>();
  let working: number | null = null;
  let pannedBy: number | null = null; // middle button
  let tap: { readonly at: number; readonly where: ScreenPoint; isStill: boolean } | null = null;

  const place = (event: MouseEvent): ScreenPoint => {
    const box = canvas.getBoundingClientRect();
    return screenPoint(event.clientX - box.left, event.clientY - box.top);
  };
  const pair = () => {
    const [a, b] = [...down.values()];
    if (!a || !b) return null;
    return {
      middle: screenPoint((a.x + b.x) / 2, (a.y + b.y) / 2),
      span: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)),
    };
  };

  const onDown = (event: PointerEvent) => {
    const at = place(event);
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at);
    if (down.size === 2) {
      if (working !== null) listener.cancel();
      working = null;
      const hands = pair();
      if (hands) tap = { at: event.timeStamp, where: hands.middle, isStill: true };
    } else if (down.size === 1 && event.button === 1) {
      pannedBy = event.pointerId;
    } else if (down.size === 1 && event.button === 0) {
      working = event.pointerId;
      listener.down(at, event.altKey, event.pointerType === "touch");
    }
    event.preventDefault();
  };

  const onMove = (event: PointerEvent) => {
    const previous = down.get(event.pointerId);
    if (!previous) {
      if (event.pointerType !== "touch") listener.hover(place(event));
      return;
    }
    if (event.pointerId === working) {
      const coalesced = event.getCoalescedEvents?.() ?? [];
      for (const each of coalesced.length > 0 ? coalesced : [event]) {
        listener.move(place(each), each.altKey);
      }
      down.set(event.pointerId, place(event));
      return;
    }
    const was = pair();
    const at = place(event);
    down.set(event.pointerId, at);
    if (event.pointerId === pannedBy) listener.pan(at.x - previous.x, at.y - previous.y);
    const is = pair();
    if (!was || !is) return;
    if (tap && Math.hypot(is.middle.x - tap.where.x, is.middle.y - tap.where.y) > TAP_PIXELS) {
      tap.isStill = false;
    }
    if (Math.abs(is.span - was.span) > TAP_PIXELS && tap) tap.isStill = false;
    listener.pan(is.middle.x - was.middle.x, is.middle.y - was.middle.y);
    listener.zoom(is.middle, is.span / was.span);
  };

  const onUp = (event: PointerEvent) => {
    if (!down.delete(event.pointerId)) return;
    if (event.pointerId === pannedBy) pannedBy = null;
    if (event.pointerId === working) {
      working = null;
      if (event.type === "pointercancel") listener.cancel();
      else listener.up(place(event), event.altKey);
    } else if (tap && down.size === 0) {
      if (tap.isStill && event.timeStamp - tap.at < TAP_MS) listener.undoTap();
      tap = null;
    }
  };

  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    if (event.shiftKey) listener.pan(-event.deltaX - event.deltaY, 0);
    else listener.zoom(place(event), 2 ** (-event.deltaY / WHEEL_DOUBLING));
  };

  const { signal } = stop;
  canvas.addEventListener("pointerdown", onDown, { signal });
  canvas.addEventListener("pointermove", onMove, { signal });
  canvas.addEventListener("pointerup", onUp, { signal });
  canvas.addEventListener("pointercancel", onUp, { signal });
  canvas.addEventListener("pointerleave", () => down.size === 0 && listener.leave(), { signal });
  canvas.addEventListener("dblclick", () => listener.confirm(), { signal });
  canvas.addEventListener("wheel", onWheel, { signal, passive: false });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  return { stop: () => stop.abort() };
}
