/**
 * What happens on the label canvas? One sample open: the studio's paint engine, what was
 * painted, and its way to the server.
 */

import { createStore } from "zustand/vanilla";

import type { Part } from "../../api/client";
import { asProblem } from "../../api/problem";
import { CanvasEngine } from "../../canvas/engine";
import { decodeLabels, encodeLabels } from "../../canvas/labelpng";
import type { LabelMap } from "../../canvas/labels";
import type { ViewMode } from "../../canvas/scene";
import type { ToolName } from "../../canvas/tools/tool";
import { announce } from "../../ui/live";
import { loadBitmap, loadBytes } from "../studio/data";
import { changeSample, saveLabels, sayHere } from "./data";
import { Keeper, type Keeping } from "./keeper";
import { packed, unpacked } from "./runs";
import { UNLABELLED } from "./schema";
import {
  type Painting,
  drawn,
  filled,
  labelledShare,
  nothing,
  opened,
  put,
  redone,
  undone,
} from "./strokes";
import type { Sample } from "./types";

export interface LabellingState {
  readonly isOpen: boolean; // the labels were read
  readonly refusal: string | null;
  readonly keeping: Keeping;
  readonly isDone: boolean;
  readonly share: number; // of pixels that have a label
  readonly mayUndo: boolean;
  readonly mayRedo: boolean;
  readonly tool: ToolName;
  readonly part: number;
  readonly radius: number; // sixteenths of a label-map pixel
  readonly opacity: number;
  readonly mode: ViewMode;
  readonly isBeforeHeld: boolean;
  readonly hovered: number | null;
  readonly scale: number;
}

interface Kept {
  readonly map: LabelMap;
  readonly isDone: boolean;
}

const HERE_MS = 10_000;
const LARGEST_RADIUS = 512;
const storageKey = (sampleId: string) => `atelier.labels.${sampleId}`;

export class Labelling {
  readonly store = createStore<LabellingState>(() => ({
    isOpen: false,
    refusal: null,
    keeping: { state: "kept" },
    isDone: false,
    share: 0,
    mayUndo: false,
    mayRedo: false,
    tool: "brush",
    part: 0,
    radius: 28,
    opacity: 0.5,
    mode: "overlay",
    isBeforeHeld: false,
    hovered: null,
    scale: 1,
  }));
  private readonly keeper: Keeper<Kept>;
  private engine: CanvasEngine | null = null;
  private picture: ImageBitmap | null = null;
  private painting: Painting;
  private hereTimer = 0;
  private isStopped = false;
  private isClaimed = false;

  constructor(
    private sample: Sample,
    private readonly parts: readonly Part[],
    private readonly size: number,
    private readonly userId: number | null,
    private readonly mayEdit: boolean,
    private readonly onSaved: (sample: Sample) => void,
  ) {
    this.painting = opened(nothing(size));
    const first = parts.find(({ is_background }) => !is_background) ?? parts[0];
    this.set({
      part: first?.id ?? 0,
      radius: Math.max(20, Math.round(size / 2.4)),
      isDone: sample.label?.is_done ?? false,
    });
    this.keeper = new Keeper<Kept>(
      {
        send: async ({ map, isDone }, version) => {
          const saved = await saveLabels(sample.id, {
            version,
            map: await encodeLabels(map),
            isDone,
          });
          this.sample = saved;
          this.onSaved(saved);
          return saved.label_version;
        },
        onChange: (keeping) => {
          this.set({ keeping });
          if (keeping.state === "kept") forget(sample.id);
        },
        setTimer: (callback, ms) => window.setTimeout(callback, ms),
        clearTimer: (timer) => window.clearTimeout(timer),
      },
      sample.label_version,
    );
  }

  get state(): LabellingState {
    return this.store.getState();
  }

  async start(): Promise<void> {
    this.sayHere();
    try {
      const [picture, map] = await Promise.all([
        loadBitmap(this.sample.picture_url),
        this.readLabels(this.sample),
      ]);
      if (this.isStopped) return;
      this.picture = picture;
      this.painting = opened(map);
      const unsent = this.mayEdit ? recall(this.sample.id, this.size) : null;
      this.set({ isOpen: true });
      if (unsent) {
        this.painting = put(this.painting, unsent);
        if (this.painting.past.length > 0) this.keep();
        else forget(this.sample.id);
      }
      this.show();
    } catch (error) {
      this.set({ refusal: asProblem(error).message });
    }
  }

  /** Sends what waits and ends. */
  stop(): void {
    this.isStopped = true;
    window.clearTimeout(this.hereTimer);
    void this.keeper.flush();
  }

  attach(canvas: HTMLCanvasElement): () => void {
    const engine = new CanvasEngine(canvas, {
      onGesture: (gesture) => this.change(drawn(this.painting, gesture)),
      onPick: (part) => part !== UNLABELLED && this.choosePart(part),
      onHover: (hovered) => {
        if (hovered !== this.state.hovered) this.set({ hovered });
      },
      onViewport: ({ scale }) => this.set({ scale }),
      onUndoTap: () => this.undo(),
    });
    this.engine = engine;
    // The background is painted like any part here: unlabelled is something else.
    engine.setPaints(this.parts.map(({ id, color }) => ({ id, color, isBackground: false })));
    const { tool, part, radius } = this.state;
    engine.setTool(tool);
    engine.setBrush(part, radius);
    engine.setMayPaint(this.mayEdit);
    this.look({});
    this.show();
    return () => {
      engine.destroy();
      if (this.engine === engine) this.engine = null;
    };
  }

  // ---- tools and view -----------------------------------------------------------------

  chooseTool(tool: ToolName): void {
    this.engine?.setTool(tool);
    this.set({ tool });
  }

  holdHand(isHeld: boolean): void {
    this.engine?.holdTool(isHeld ? "hand" : null);
  }

  choosePart(part: number): void {
    this.set({ part });
    this.engine?.setBrush(part, this.state.radius);
  }

  setRadius(radius: number): void {
    const kept = Math.max(8, Math.min(LARGEST_RADIUS, Math.round(radius)));
    this.set({ radius: kept });
    this.engine?.setBrush(this.state.part, kept);
  }

  look(change: Partial<Pick<LabellingState, "mode" | "opacity" | "isBeforeHeld">>): void {
    this.set(change);
    const { mode, opacity, isBeforeHeld } = this.state;
    this.engine?.setLook({ mode, opacity, isBeforeHeld, showsPixels: false, compareAt: 0.5 });
  }

  setFit(largest: number, margin: number): void {
    this.engine?.setFit(largest, margin);
  }

  fit(): void {
    this.engine?.fit();
  }

  zoomBy(factor: number): void {
    this.engine?.zoomBy(factor);
  }

  moveBrush(dx: number, dy: number): void {
    this.engine?.moveBrush(dx, dy);
  }

  togglePen(): void {
    announce((this.engine?.togglePen() ?? false) ? "Pen down" : "Pen up");
  }

  confirm(): void {
    this.engine?.confirm();
  }

  escape(): boolean {
    return this.engine?.cancel() ?? false;
  }

  // ---- painting -----------------------------------------------------------------------

  undo(): void {
    if (this.painting.past.length === 0) return;
    this.change(undone(this.painting));
    announce("Taken back");
  }

  redo(): void {
    if (this.painting.future.length === 0) return;
    this.change(redone(this.painting));
    announce("Brought back");
  }

  /** Gives every pixel without a label to a part. */
  fill(part: number): void {
    this.change(filled(this.painting, part));
  }

  /** Puts a whole label map over what is painted; one undo takes it back. */
  async startFrom(url: string): Promise<void> {
    try {
      const map = await decodeLabels(await loadBytes(url));
      if (map.width !== this.size || map.height !== this.size) {
        throw new Error("a label map of another size");
      }
      this.change(put(this.painting, map));
      announce("Labels copied. Undo takes them back.");
    } catch (error) {
      this.set({ refusal: asProblem(error).message });
    }
  }

  /** Says that this picture is labelled, or is not; resolves when that is kept. */
  async finish(isDone: boolean): Promise<boolean> {
    this.set({ isDone });
    this.keep();
    await this.keeper.flush();
    return this.keeper.isKept;
  }

  private change(painting: Painting): void {
    if (painting === this.painting || !this.mayEdit) {
      this.show();
      return;
    }
    this.painting = painting;
    this.keep();
    this.show();
  }

  private keep(): void {
    this.set({ refusal: null });
    remember(this.sample.id, this.painting.now);
    this.keeper.keep({ map: this.painting.now, isDone: this.state.isDone });
    this.claim();
  }

  /** Whoever paints a sample that nobody has, has it. */
  private claim(): void {
    if (this.sample.assignee !== null || this.userId === null) return;
    if (this.isClaimed) return;
    this.isClaimed = true;
    void changeSample(this.sample.id, { assignee_id: this.userId }).then(
      this.onSaved,
      () => undefined, // somebody else was first, and shows
    );
  }

  private show(): void {
    const { now, past, future } = this.painting;
    this.set({
      share: labelledShare(now),
      mayUndo: past.length > 0,
      mayRedo: future.length > 0,
    });
    this.engine?.setPicture(this.picture);
    this.engine?.setBefore(this.picture);
    this.engine?.setPainted(nothing(this.size), now);
  }

  // ---- others ---------------------------------------------------------------------------

  /** The sample as the server has it now: somebody else may have painted. */
  async heard(sample: Sample): Promise<void> {
    if (sample.label_version <= this.keeper.version || !this.keeper.isKept) return;
    await this.takeTheirs(sample);
  }

  /** Forgets what is painted here for what the server has. */
  async takeTheirs(sample: Sample): Promise<void> {
    try {
      const map = await this.readLabels(sample);
      this.sample = sample;
      this.painting = opened(map);
      this.set({ isDone: sample.label?.is_done ?? false });
      this.keeper.drop(sample.label_version);
      this.show();
    } catch (error) {
      this.set({ refusal: asProblem(error).message });
    }
  }

  /** Saves what is painted here over what the server has. */
  keepMine(sample: Sample): void {
    this.keeper.insist(sample.label_version);
  }

  private async readLabels({ label }: Sample): Promise<LabelMap> {
    if (!label) return nothing(this.size);
    return decodeLabels(await loadBytes(label.url));
  }

  private sayHere(): void {
    if (this.isStopped) return;
    sayHere(this.sample.id).catch(() => undefined); // the next one will tell
    this.hereTimer = window.setTimeout(() => this.sayHere(), HERE_MS);
  }

  private set(change: Partial<LabellingState>): void {
    this.store.setState(change);
  }
}

// ---- held in the browser until the server has it -------------------------------------------

function remember(sampleId: string, map: LabelMap): void {
  try {
    localStorage.setItem(storageKey(sampleId), packed(map));
  } catch {
    // Storage may be full or forbidden; the painting is still in memory and will be sent.
  }
}

function forget(sampleId: string): void {
  try {
    localStorage.removeItem(storageKey(sampleId));
  } catch {
    // Nothing was held then.
  }
}

function recall(sampleId: string, size: number): LabelMap | null {
  try {
    const text = localStorage.getItem(storageKey(sampleId));
    return text === null ? null : unpacked(text, size);
  } catch {
    return null;
  }
}
