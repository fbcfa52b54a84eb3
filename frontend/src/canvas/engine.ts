/**
 * The paint engine: one canvas element, what it shows and what the hands do to it.
 *
 * It knows no framework. It draws unfinished strokes itself and tells its listener only of
 * whole gestures, so that nothing outside has to keep up with the pointer.
 */

import { loopsPath, drawScene, type Outline, type PartPaint, type Scene, type TracedPart, type ViewMode } from "./scene";
import { type Loop, traceMask, traceParts } from "./contours";
import { type Pointers, listenToPointers } from "./pointers";
import { type LabelMap, copyLabels, emptyLabels, partAt } from "./labels";
import { type Gesture, rasterise } from "./raster";
import { type LabelPoint, type ScreenPoint, SUBPIXELS, fromLabel, screenPoint, toLabel } from "./space";
import { createBrush } from "./tools/brush";
import { createBucket } from "./tools/bucket";
import { createHand } from "./tools/hand";
import { createPick } from "./tools/pick";
import { createPolygon } from "./tools/polygon";
import type { Tool, ToolHost, ToolName, ToolPointer } from "./tools/tool";
import { createZoom } from "./tools/zoom";
import { type Viewport, fit, keepInSight, panBy, toImage, toScreen, zoomAt } from "./viewport";

export interface EngineListener {
  /** A whole gesture was made. It stays shown until the next `setPainted`. */
  onGesture(gesture: Gesture): void;
  onPick(part: number): void;
  /** The part under the pointer, null outside the picture. */
  onHover(part: number | null): void;
  onViewport(viewport: Viewport): void;
  onUndoTap(): void;
}

export interface Claim {
  readonly part: number;
  readonly color: string;
}

const LOUPE_RADIUS = 56;
const LOUPE_ZOOM = 2.2;

export class CanvasEngine implements ToolHost {
  private readonly context: CanvasRenderingContext2D;
  private readonly tools: Readonly<Record<ToolName, Tool>>;
  private readonly pointers: Pointers;
  private readonly sizeWatch: ResizeObserver;

  private base: LabelMap = emptyLabels(64, 64);
  private painted: LabelMap = this.base;
  private shown: LabelMap = this.base;
  private parts: readonly TracedPart[] = [];
  private partLoops: ReadonlyMap<number, Loop[]> = new Map();
  private areContoursStale = true;
  private transient: Gesture | null = null;

  private view: Viewport = { scale: 1, left: 0, top: 0 };
  private screen = { width: 0, height: 0 };
  private isFitted = true;
  private largest = 600;
  private fitMargin = 0;

  private picture: CanvasImageSource | null = null;
  private frame: CanvasImageSource | null = null;
  private before: CanvasImageSource | null = null;
  private uncertainty: CanvasImageSource | null = null;
  private frameSeq: number | null = null;
  private mode: ViewMode = "overlay";
  private opacity = 0.36;
  private compareAt = 0.5;
  private isBeforeHeld = false;
  private showsPixels = false;
  private paints: ReadonlyMap<number, PartPaint> = new Map();
  private region: Path2D | null = null;
  private isMarching = false;
  private claims: readonly Claim[] = [];

  private toolName: ToolName = "brush";
  private heldTool: ToolName | null = null;
  private mayPaint = true;
  private cursor: LabelPoint | null = null;
  private isPenDown = false;
  private isTouching = false;
  private lasso: readonly LabelPoint[] | null = null;
  private drawRequest = 0;

  part = 0;
  radius = 28;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly listener: EngineListener,
  ) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser has no 2D canvas.");
    this.context = context;
    this.tools = {
      brush: createBrush(this, "brush"),
      eraser: createBrush(this, "restore"),
      polygon: createPolygon(this),
      bucket: createBucket(this),
      pick: createPick(this),
      hand: createHand(this),
      zoom: createZoom(this),
    };
    this.pointers = listenToPointers(canvas, {
      down: (at, isAlternate, isTouch) => {
        this.isTouching = isTouch;
        this.press(this.pointer(at, isAlternate));
      },
      move: (at, isAlternate) => this.drag(this.pointer(at, isAlternate)),
      up: (at, isAlternate) => this.release(this.pointer(at, isAlternate)),
      hover: (at) => this.hover(at),
      leave: () => this.leave(),
      cancel: () => this.cancel(),
      confirm: () => void this.tool.confirm(),
      pan: (dx, dy) => this.setViewport(panBy(this.view, dx, dy)),
      zoom: (anchor, factor) => this.setViewport(zoomAt(this.view, anchor, factor)),
      undoTap: () => this.listener.onUndoTap(),
    });
    this.sizeWatch = new ResizeObserver(() => this.resize());
    this.sizeWatch.observe(canvas);
    this.resize();
  }

  destroy(): void {
    this.tool.exit();
    this.pointers.stop();
    this.sizeWatch.disconnect();
    cancelAnimationFrame(this.drawRequest);
  }

  // ---- what is shown ----------------------------------------------------------------

  get labels(): LabelMap {
    return this.painted;
  }

  get viewport(): Viewport {
    return this.view;
  }

  /** The label map of the revision being painted on, and the one with strokes on top. */
  setPainted(base: LabelMap, painted: LabelMap): void {
    const isResized = base.width !== this.base.width || base.height !== this.base.height;
    this.base = base;
    this.painted = painted;
    this.showTransient();
    if (isResized || this.isFitted) this.fit();
  }

  setPicture(picture: CanvasImageSource | null): void {
    this.picture = picture;
    this.draw();
  }

  /** Shows a passing picture over the kept one; null shows the kept one again. */
  setFrame(frame: CanvasImageSource | null, seq: number | null): void {
    this.frame = frame;
    this.frameSeq = seq;
    this.draw();
  }

  setBefore(before: CanvasImageSource | null): void {
    this.before = before;
    this.draw();
  }

  /** What lies over the kept picture in the view of that name. */
  setUncertainty(overlay: CanvasImageSource | null): void {
    this.uncertainty = overlay;
    this.draw();
  }

  setPaints(paints: readonly PartPaint[]): void {
    this.paints = new Map(paints.map((paint) => [paint.id, paint]));
    this.draw();
  }

  setLook(look: {
    readonly mode: ViewMode;
    readonly opacity: number;
    readonly showsPixels: boolean;
    readonly isBeforeHeld: boolean;
    readonly compareAt: number;
  }): void {
    Object.assign(this, look);
    this.draw();
  }

  /** Draws the region of an edit in dashes, marching while the edit runs. */
  setRegion(region: LabelMap | null, isMarching: boolean): void {
    this.region = region && loopsPath(traceMask(region));
    this.isMarching = isMarching;
    this.draw();
  }

  setClaims(claims: readonly Claim[]): void {
    this.claims = claims;
    this.draw();
  }

  // ---- tools ------------------------------------------------------------------------

  setTool(name: ToolName): void {
    if (name === this.toolName) return;
    this.tool.exit();
    this.toolName = name;
    this.tool.enter();
    this.showCursor();
    this.draw();
  }

  /** A tool while a key is held: the hand on the space bar. */
  holdTool(name: ToolName | null): void {
    if (name === this.heldTool) return;
    this.tool.exit();
    this.heldTool = name;
    this.showCursor();
    this.draw();
  }

  setBrush(part: number, radius: number): void {
    this.part = part;
    this.radius = radius;
    this.draw();
  }

  setMayPaint(mayPaint: boolean): void {
    if (!mayPaint) this.cancel();
    this.mayPaint = mayPaint;
    this.showCursor();
  }

  /** Drops what is unfinished; true if there was something to drop. */
  cancel(): boolean {
    this.isPenDown = false;
    return this.tool.cancel();
  }

  confirm(): boolean {
    return this.tool.confirm();
  }

  /** Moves the brush by whole label-map pixels: painting without a pointer. */
  moveBrush(dx: number, dy: number): void {
    const [x, y] = this.cursor ?? this.middle();
    const bound = (value: number, size: number) =>
      Math.max(SUBPIXELS / 2, Math.min((size - 0.5) * SUBPIXELS, value));
    this.cursor = [
      bound(x + dx * SUBPIXELS, this.base.width),
      bound(y + dy * SUBPIXELS, this.base.height),
    ];
    const pointer = this.pointerAtCursor(this.cursor);
    if (this.isPenDown) this.tool.move(pointer);
    else this.tool.hover(pointer);
    this.tellHover();
    this.draw();
  }

  /** Puts the pen down at the brush, or lifts it. Returns whether it is down now. */
  togglePen(): boolean {
    this.cursor ??= this.middle();
    const pointer = this.pointerAtCursor(this.cursor);
    this.isPenDown = !this.isPenDown && this.isActive();
    if (this.isPenDown) this.tool.down(pointer);
    else this.tool.up(pointer);
    this.draw();
    return this.isPenDown;
  }

  // ---- the view ---------------------------------------------------------------------

  /** The largest picture that `fit` makes, and the room it leaves around, in CSS pixels. */
  setFit(largest: number, margin: number): void {
    this.largest = largest;
    this.fitMargin = margin;
    if (this.isFitted) this.fit();
  }

  fit(): void {
    if (this.screen.width === 0) return;
    this.view = fit(this.screen, this.base, this.largest, this.fitMargin);
    this.isFitted = true;
    this.listener.onViewport(this.view);
    this.draw();
  }

  zoomBy(factor: number): void {
    const middle = screenPoint(this.screen.width / 2, this.screen.height / 2);
    this.setViewport(zoomAt(this.view, middle, factor));
  }

  setViewport(viewport: Viewport): void {
    this.view = keepInSight(viewport, this.screen, this.base);
    this.isFitted = false;
    this.listener.onViewport(this.view);
    this.draw();
  }

  // ---- what tools ask for -----------------------------------------------------------

  preview(gesture: Gesture | null): void {
    this.transient = gesture;
    this.showTransient();
  }

  outline(points: readonly LabelPoint[] | null): void {
    this.lasso = points && [...points];
    this.draw();
  }

  commit(gesture: Gesture): void {
    this.transient = null;
    const painted = copyLabels(this.painted);
    rasterise(painted, this.base, gesture);
    this.painted = painted;
    this.showTransient();
    this.listener.onGesture(gesture);
  }

  pick(part: number): void {
    this.listener.onPick(part);
  }

  // ---- inside -----------------------------------------------------------------------

  private get tool(): Tool {
    return this.tools[this.heldTool ?? this.toolName];
  }

  private isActive(): boolean {
    return this.mayPaint || !this.tool.paints;
  }

  private press(pointer: ToolPointer): void {
    this.cursor = pointer.label;
    if (this.isActive() && !this.isPenDown) this.tool.down(pointer);
    this.showCursor(true);
    this.draw();
  }

  private drag(pointer: ToolPointer): void {
    this.cursor = pointer.label;
    if (this.isActive()) this.tool.move(pointer);
    this.draw();
  }

  private release(pointer: ToolPointer): void {
    if (this.isActive()) this.tool.up(pointer);
    if (this.isTouching) this.cursor = null;
    this.isTouching = false;
    this.isPenDown = false;
    this.showCursor();
    this.draw();
  }

  private hover(at: ScreenPoint): void {
    const pointer = this.pointer(at, false);
    this.cursor = pointer.label;
    if (this.isActive()) this.tool.hover(pointer);
    this.tellHover();
    this.draw();
  }

  private leave(): void {
    if (this.isPenDown) return;
    this.cursor = null;
    this.tellHover();
    this.draw();
  }

  private tellHover(): void {
    const at = this.cursor && fromLabel(this.cursor);
    this.listener.onHover(at && partAt(this.shown, at.x, at.y));
  }

  private pointer(screen: ScreenPoint, isAlternate: boolean): ToolPointer {
    return { screen, isAlternate, label: toLabel(toImage(this.view, screen)) };
  }

  private pointerAtCursor(label: LabelPoint): ToolPointer {
    return { label, screen: toScreen(this.view, fromLabel(label)), isAlternate: false };
  }

  private middle(): LabelPoint {
    return [(this.base.width * SUBPIXELS) / 2, (this.base.height * SUBPIXELS) / 2];
  }

  private showCursor(isPressed = false): void {
    const { cursor } = this.tool;
    const shown = !this.isActive() ? "default" : cursor === "ring" ? "none" : cursor;
    this.canvas.style.cursor = isPressed && cursor === "grab" ? "grabbing" : shown;
  }

  private showTransient(): void {
    if (this.transient) {
      this.shown = copyLabels(this.painted);
      rasterise(this.shown, this.base, this.transient);
    } else {
      this.shown = this.painted;
    }
    this.areContoursStale = true;
    this.draw();
  }

  private resize(): void {
    const { width, height } = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    this.screen = { width, height };
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    if (this.isFitted) this.fit();
    else this.render();
  }

  private draw(): void {
    this.drawRequest ||= requestAnimationFrame(() => this.render());
  }

  private render(): void {
    cancelAnimationFrame(this.drawRequest);
    this.drawRequest = 0;
    if (this.areContoursStale) {
      this.partLoops = traceParts(this.shown);
      this.parts = [...this.partLoops].map(([part, loops]) => ({ part, path: loopsPath(loops) }));
      this.areContoursStale = false;
    }
    const ratio = window.devicePixelRatio || 1;
    const scene = this.scene();
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, this.screen.width, this.screen.height);
    drawScene(this.context, scene);
    if (this.isTouching && this.cursor && this.tool.cursor === "ring") {
      this.drawLoupe(scene, this.cursor);
    }
    this.canvas.toggleAttribute("data-uncertainty", this.isUncertaintyDrawn(scene));
    if (this.frameSeq !== null) this.canvas.dataset["frameSeq"] = String(this.frameSeq);
    if (this.isMarching) this.draw();
  }

  private isUncertaintyDrawn({ mode, uncertainty, isBeforeHeld }: Scene): boolean {
    return mode === "uncertainty" && uncertainty !== null && !isBeforeHeld;
  }

  /** A passing picture has other parts than the kept one, whose map is painted on. */
  private hasOtherParts(): boolean {
    return this.frame !== null && this.region === null && this.transient === null;
  }

  private scene(): Scene {
    const outlines: Outline[] = this.claims.flatMap(({ part, color }) => {
      const loops = this.partLoops.get(part);
      return loops ? [{ path: boxPath(loops), color, isMarching: false }] : [];
    });
    if (this.region) {
      outlines.push({ path: this.region, color: null, isMarching: this.isMarching });
    }
    return {
      viewport: this.view,
      width: this.base.width,
      height: this.base.height,
      mode: this.mode,
      picture: this.frame ?? this.picture,
      before: this.before ?? this.picture,
      uncertainty: this.frame ? null : this.uncertainty, // a passing picture has another
      isBeforeHeld: this.isBeforeHeld,
      compareAt: this.compareAt,
      showsPixels: this.showsPixels,
      opacity: this.hasOtherParts() ? 0 : this.opacity,
      activePart: this.part,
      parts: this.parts,
      paints: this.paints,
      outlines,
      lasso: this.lasso,
      ring:
        this.cursor && this.tool.cursor === "ring" && this.isActive()
          ? { at: this.cursor, radius: this.radius, isDown: this.isPenDown }
          : null,
      marchSeconds: performance.now() / 1000,
    };
  }

  /** What lies under the finger, larger, in the corner the finger is far from. */
  private drawLoupe(scene: Scene, at: LabelPoint): void {
    const finger = toScreen(this.view, fromLabel(at));
    const x =
      finger.x > this.screen.width / 2 ? LOUPE_RADIUS + 12 : this.screen.width - LOUPE_RADIUS - 12;
    const y = LOUPE_RADIUS + 12;
    const { context } = this;
    context.save();
    context.beginPath();
    context.arc(x, y, LOUPE_RADIUS, 0, 2 * Math.PI);
    context.clip();
    context.fillStyle = "#000";
    context.fill();
    const zoomed = zoomAt(this.view, finger, LOUPE_ZOOM);
    drawScene(context, { ...scene, viewport: panBy(zoomed, x - finger.x, y - finger.y) });
    context.restore();
    context.beginPath();
    context.arc(x, y, LOUPE_RADIUS, 0, 2 * Math.PI);
    context.strokeStyle = "#000";
    context.lineWidth = 4;
    context.stroke();
    context.strokeStyle = "#fff";
    context.lineWidth = 2;
    context.stroke();
  }
}

/** A box with rounded corners around all loops, a pixel and a half away. */
function boxPath(loops: readonly Loop[]): Path2D {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const loop of loops) {
    for (let i = 0; i + 1 < loop.length; i += 2) {
      left = Math.min(left, loop[i] ?? left);
      right = Math.max(right, loop[i] ?? right);
      top = Math.min(top, loop[i + 1] ?? top);
      bottom = Math.max(bottom, loop[i + 1] ?? bottom);
    }
  }
  const path = new Path2D();
  path.roundRect(left - 1.5, top - 1.5, right - left + 3, bottom - top + 3, 1);
  return path;
}
