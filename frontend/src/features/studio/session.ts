/**
 * What happens in the studio? The open picture: engine, socket and store, tied together.
 *
 * React only shows the store and calls these methods. Pictures and label maps go straight
 * from the network to the engine.
 */

import {
  type Connection,
  type JobChanged,
  type Person,
  type RoomListener,
  RoomSocket,
  type VectorUse,
  browserSurroundings,
} from "../../api/socket";
import type { Family, Job, Part, Revision } from "../../api/client";
import { asProblem } from "../../api/problem";
import { hasEnded } from "../../api/queries";
import type { Frame } from "../../api/frames";
import { CanvasEngine } from "../../canvas/engine";
import { decodeLabels, encodeLabels } from "../../canvas/labelpng";
import { type LabelMap, sameLabels } from "../../canvas/labels";
import type { Gesture } from "../../canvas/raster";
import { defaultMargin, findEdit } from "../../canvas/region";
import { type LoggedOp, fold, undoStacks } from "../../canvas/strokelog";
import type { ToolName } from "../../canvas/tools/tool";
import { announce } from "../../ui/live";
import * as data from "./data";
import {
  type RunningJob,
  type StackEntry,
  type StudioState,
  applied,
  createStudioStore,
  isRunning,
} from "./state";

interface LoadedRevision {
  readonly id: string;
  readonly picture: ImageBitmap;
  readonly labels: LabelMap;
}

/** What the session needs from the page around it. */
export interface StudioHost {
  /** The revision, read from the server again if it is not known yet. */
  findRevision(id: string): Promise<Revision | null>;
  onPictureChanged(): void;
  onRevisionsChanged(): void;
}

type Room = Parameters<RoomListener["onOps"]>[0];

const REST_MS = 250;
const LATE_MS = 250;
const ASIDE_MS = 1_200;
const CLAIM_MS = 5_000;
const KEPT_MS = 2_000;
const WATCHED_KINDS = new Set(["invert", "optimize", "refine", "render"]);
const MAX_STACK = 8;
const LARGEST_RADIUS = 192;

export class StudioSession {
  readonly store = createStudioStore();
  private readonly socket: RoomSocket;
  private engine: CanvasEngine | null = null;
  private canvas: HTMLCanvasElement | null = null;
  private room: Room | null = null;
  private base: LoggedBase | null = null;
  private readonly loading = new Map<string, Promise<LoadedRevision>>();
  private previewStream: string | null = null;
  private background: ReadonlySet<number>;
  private restTimer = 0;
  private lateTimer = 0;
  private claimTimer = 0;
  private asideTimer = 0;
  private compareLoad = 0;
  private tried: VectorUse | null = null;
  private uncertainty: ImageBitmap | null = null;

  constructor(
    private readonly imageId: string,
    private readonly family: Family,
    userId: number | null,
    private readonly host: StudioHost,
  ) {
    this.background = new Set(
      family.parts.filter((part) => part.is_background).map((part) => part.id),
    );
    const first = partsInOrder(family)[0];
    this.set({ userId, part: first?.id ?? 0, labelSize: family.label_size });
    this.socket = new RoomSocket(
      browserSurroundings(imageId, () => data.fetchSnapshot(imageId)),
      {
        onConnection: (connection) => this.connectionChanged(connection),
        onWelcome: (welcome) => {
          this.previewStream = welcome.preview_stream;
          this.set({ userId: welcome.user_id, mayEdit: welcome.may_edit });
          this.engine?.setMayPaint(welcome.may_edit);
        },
        onOps: (room) => void this.roomChanged(room),
        onStack: (stack, authorId) => this.stackHeard(stack, authorId),
        onPresence: (people) => this.peopleChanged(people),
        onJob: (job) => this.jobChanged(job),
        onRevision: () => this.host.onRevisionsChanged(),
        onRefused: ({ detail }) => this.set({ refusal: detail }),
        onFrame: (frame) => this.frameCame(frame),
        onPreviewSent: (seq) => {
          if (this.canvas) this.canvas.dataset["previewSeq"] = String(seq);
          window.clearTimeout(this.lateTimer);
          this.lateTimer = window.setTimeout(() => this.set({ isPreviewLate: true }), LATE_MS);
        },
      },
    );
  }

  start(): void {
    this.socket.start();
    window.addEventListener("online", this.hurry);
    void this.adoptRunningJob();
  }

  stop(): void {
    window.removeEventListener("online", this.hurry);
    for (const timer of [this.restTimer, this.lateTimer, this.claimTimer, this.asideTimer]) {
      window.clearTimeout(timer);
    }
    this.socket.stop();
  }

  attach(canvas: HTMLCanvasElement): () => void {
    const engine = new CanvasEngine(canvas, {
      onGesture: (gesture) => this.gestureMade(gesture),
      onPick: (part) => this.choosePart(part),
      onHover: (hovered) => {
        if (hovered !== this.state.hovered) this.set({ hovered });
      },
      onViewport: (viewport) => this.set({ viewport }),
      onUndoTap: () => this.undo(),
    });
    this.canvas = canvas;
    this.engine = engine;
    const { state } = this;
    engine.setPaints(
      this.family.parts.map(({ id, color, is_background }) => ({
        id,
        color,
        isBackground: is_background,
      })),
    );
    engine.setTool(state.tool);
    engine.setBrush(state.part, state.radius);
    engine.setMayPaint(state.mayEdit);
    this.look({});
    engine.setUncertainty(this.uncertainty);
    this.showBase();
    return () => {
      engine.destroy();
      if (this.engine === engine) {
        this.engine = null;
        this.canvas = null;
      }
    };
  }

  get state(): StudioState {
    return this.store.getState();
  }

  say(sentence: string): void {
    announce(sentence);
  }

  refuse(error: unknown): void {
    this.set({ refusal: asProblem(error).message });
  }

  dismissRefusal(): void {
    this.set({ refusal: null });
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

  look(
    change: Partial<
      Pick<StudioState, "mode" | "opacity" | "showsPixels" | "isBeforeHeld" | "compareAt">
    >,
  ): void {
    this.set(change);
    this.showLook();
    if ("mode" in change && change.mode !== "compare") this.set({ comparedId: null });
    if (change.mode === "compare" || change.isBeforeHeld) void this.showBefore();
  }

  /** While a hand moves a strength, the label map of the kept picture steps aside. */
  private showLook(): void {
    const { mode, opacity, showsPixels, isBeforeHeld, compareAt } = this.state;
    const shown = this.asideTimer === 0 && this.tried === null ? opacity : 0;
    this.engine?.setLook({ mode, opacity: shown, showsPixels, isBeforeHeld, compareAt });
  }

  /** Shows a revision of the history beside the present picture. */
  compareWith(revisionId: string | null): void {
    this.set({ comparedId: revisionId });
    if (revisionId === null) this.look({ mode: "overlay" });
    else this.look({ mode: "compare" });
  }

  /** What the view "uncertainty" lays over the kept picture. */
  setUncertainty(overlay: ImageBitmap | null): void {
    this.uncertainty = overlay;
    this.engine?.setUncertainty(overlay);
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
    const isPenDown = this.engine?.togglePen() ?? false;
    this.set({ isPenDown });
    this.say(isPenDown ? "Pen down" : "Pen up");
  }

  confirm(): void {
    this.engine?.confirm();
  }

  /** Drops an unfinished stroke, else cancels the run; false if there was neither. */
  escape(): boolean {
    this.set({ isPenDown: false });
    if (this.engine?.cancel()) return true;
    if (isRunning(this.state.job)) {
      void this.cancelRun();
      return true;
    }
    if (this.state.comparedId !== null || this.state.mode === "compare") {
      this.compareWith(null);
      return true;
    }
    return false;
  }

  // ---- painting -----------------------------------------------------------------------

  undo(): void {
    this.takeBack("undo");
  }

  redo(): void {
    this.takeBack("redo");
  }

  private takeBack(which: "undo" | "redo"): void {
    const target = undoStacks(this.allOps(), this.author)[which].at(-1);
    if (target === undefined) return;
    this.socket.undo({ op_id: crypto.randomUUID(), target, undone: which === "undo" });
    this.say(which === "undo" ? "Stroke taken back" : "Stroke brought back");
  }

  /** Takes back every stroke of one's own; each can be brought back. */
  clearPainting(): void {
    for (const target of undoStacks(this.allOps(), this.author).undo.toReversed()) {
      this.socket.undo({ op_id: crypto.randomUUID(), target, undone: true });
    }
    this.say("Painting taken back");
  }

  /** The picture as it is and as it is painted; null until something was painted. */
  get painting(): Painting | null {
    const { base } = this;
    if (!base || this.state.edit === null) return null;
    return {
      baseRevisionId: base.id,
      picture: base.picture,
      before: base.labels,
      painted: base.painted,
    };
  }

  private gestureMade(gesture: Gesture): void {
    this.set({ refusal: null });
    this.socket.draw({ ...gesture, op_id: crypto.randomUUID(), rasteriser: 1 });
    this.socket.claim(gesture.part);
    window.clearTimeout(this.claimTimer);
    this.claimTimer = window.setTimeout(() => this.socket.claim(null), CLAIM_MS);
    const other = this.state.people.find(
      ({ user_id, part }) => part === gesture.part && user_id !== this.state.userId,
    );
    if (other) this.say(`${other.name} is painting this too.`);
  }

  private get author(): number {
    return this.state.userId ?? -1;
  }

  private allOps(): LoggedOp[] {
    if (!this.room) return [];
    const own = this.room.pending.map((op) => ({ ...op, author_id: this.author }));
    return [...this.room.ops, ...own];
  }

  private async roomChanged(room: Room): Promise<void> {
    this.room = room;
    this.set({ numWaiting: room.pending.length });
    if (room.baseRevisionId === null) return;
    if (this.base?.id !== room.baseRevisionId) {
      try {
        const loaded = await this.load(room.baseRevisionId);
        if (this.room.baseRevisionId !== loaded.id) return; // the room has moved on
        if (this.base?.id !== loaded.id) {
          this.base = { ...loaded, painted: loaded.labels };
          this.baseChanged();
        }
      } catch (error) {
        this.refuse(error);
        return;
      }
    }
    this.repaint();
  }

  private baseChanged(): void {
    this.set({ baseRevisionId: this.base?.id ?? null, comparedId: null });
    if (this.state.mode === "compare") this.look({ mode: "overlay" });
    this.engine?.setFrame(null, null);
    this.engine?.setPicture(this.base?.picture ?? null);
    this.host.onPictureChanged();
    this.host.onRevisionsChanged();
    void this.showBefore();
    this.askPreview();
  }

  private repaint(): void {
    if (!this.base) return;
    const ops = this.allOps();
    const painted = fold(this.base.labels, ops);
    if (!sameLabels(painted, this.base.painted)) {
      this.set({ paintingNumber: this.state.paintingNumber + 1 });
    }
    this.base.painted = painted;
    const edit = findEdit(
      this.base.labels,
      this.base.painted,
      this.background,
      defaultMargin(this.base.labels.width),
    );
    const stacks = undoStacks(ops, this.author);
    this.set({
      edit: edit && { parts: edit.parts, numChanged: edit.numChanged },
      mayUndo: stacks.undo.length > 0,
      mayRedo: stacks.redo.length > 0,
    });
    this.engine?.setPainted(this.base.labels, this.base.painted);
    const { job } = this.state;
    this.engine?.setRegion(edit?.region ?? null, isRunning(job) && job.kind === "optimize");
  }

  private showBase(): void {
    if (!this.base) return;
    this.engine?.setPicture(this.base.picture);
    this.repaint();
    void this.showBefore();
  }

  // ---- pictures -----------------------------------------------------------------------

  private load(id: string): Promise<LoadedRevision> {
    const known = this.loading.get(id);
    if (known) return known;
    const loading = (async () => {
      const revision = await this.host.findRevision(id);
      if (!revision) throw new Error("This revision cannot be found.");
      const [picture, bytes] = await Promise.all([
        data.loadBitmap(revision.picture_url),
        data.loadBytes(revision.label_map_url),
      ]);
      return { id, picture, labels: await decodeLabels(bytes) };
    })();
    this.loading.set(id, loading);
    loading.catch(() => this.loading.delete(id));
    return loading;
  }

  /** Loads what "before" means now: the compared revision, the base, or its parent. */
  private async showBefore(): Promise<void> {
    const { comparedId, baseRevisionId, stack, job } = this.state;
    const wanted = ++this.compareLoad;
    if (baseRevisionId === null) return;
    let id = comparedId ?? baseRevisionId;
    if (comparedId === null && applied(stack).length === 0 && !isRunning(job)) {
      const revision = await this.host.findRevision(baseRevisionId);
      id = revision?.parent_id ?? baseRevisionId;
    }
    try {
      const loaded = await this.load(id);
      if (wanted === this.compareLoad) this.engine?.setBefore(loaded.picture);
    } catch (error) {
      this.refuse(error);
    }
  }

  private async frameCame(frame: Frame): Promise<void> {
    const isPreview = frame.stream === this.previewStream;
    if (isPreview && frame.baseRevisionId !== this.state.baseRevisionId) return;
    if (!isPreview && frame.stream !== this.state.job?.id) return;
    const bitmap = await createImageBitmap(frame.picture);
    if (isPreview) {
      window.clearTimeout(this.lateTimer);
      if (this.state.isPreviewLate) this.set({ isPreviewLate: false });
      if (this.tried === null && applied(this.state.stack).length === 0) return; // back at zero
      this.engine?.setFrame(bitmap, frame.seq);
    } else if (isRunning(this.state.job) || this.state.job?.status === "succeeded") {
      this.engine?.setFrame(bitmap, null);
      if (this.canvas) this.canvas.dataset["jobStep"] = String(frame.step);
    }
  }

  // ---- edit vectors -------------------------------------------------------------------

  /** Shows the picture with one more vector, which the stack does not hold yet. */
  tryVector(use: VectorUse | null): void {
    const isSame =
      use?.edit_vector_version_id === this.tried?.edit_vector_version_id &&
      use?.strength === this.tried?.strength;
    if (isSame) return;
    this.tried = use;
    this.askPreview();
    this.showLook();
  }

  addVector(versionId: string, strength = 1): void {
    const { stack } = this.state;
    if (stack.some((entry) => entry.edit_vector_version_id === versionId)) return;
    if (stack.length >= MAX_STACK) {
      this.set({ refusal: `A stack holds at most ${MAX_STACK} vectors. Remove one first.` });
      return;
    }
    this.changeStack([
      ...stack,
      { edit_vector_version_id: versionId, strength, isHidden: false },
    ]);
  }

  changeVector(versionId: string, change: Partial<Pick<StackEntry, "strength" | "isHidden">>): void {
    this.changeStack(
      this.state.stack.map((entry) =>
        entry.edit_vector_version_id === versionId ? { ...entry, ...change } : entry,
      ),
    );
  }

  removeVector(versionId: string): void {
    this.changeStack(
      this.state.stack.filter((entry) => entry.edit_vector_version_id !== versionId),
    );
  }

  private changeStack(stack: readonly StackEntry[]): void {
    this.set({ stack });
    this.askPreview();
    window.clearTimeout(this.asideTimer);
    this.asideTimer = window.setTimeout(() => {
      this.asideTimer = 0;
      this.showLook();
    }, ASIDE_MS);
    this.showLook();
    window.clearTimeout(this.restTimer);
    this.restTimer = window.setTimeout(() => {
      this.restTimer = 0;
      this.socket.rest(
        this.state.stack.map(({ edit_vector_version_id, strength }) => ({
          edit_vector_version_id,
          strength,
        })),
      );
      void this.showBefore();
    }, REST_MS);
  }

  private stackHeard(stack: readonly VectorUse[], authorId: number | null): void {
    if (authorId === this.state.userId || this.restTimer !== 0) return;
    const hidden = new Set(
      this.state.stack.filter((e) => e.isHidden).map((e) => e.edit_vector_version_id),
    );
    this.set({
      stack: stack.map((use) => ({ ...use, isHidden: hidden.has(use.edit_vector_version_id) })),
    });
    this.askPreview();
  }

  private askPreview(): void {
    const { baseRevisionId, stack, job } = this.state;
    if (baseRevisionId === null) return;
    const { tried } = this;
    const others = applied(stack).filter(
      (use) => use.edit_vector_version_id !== tried?.edit_vector_version_id,
    );
    const uses = tried ? [...others.slice(0, MAX_STACK - 1), tried] : others;
    if (uses.length === 0) {
      window.clearTimeout(this.lateTimer);
      this.set({ isPreviewLate: false });
      if (!isRunning(job)) this.engine?.setFrame(null, null);
      return;
    }
    this.socket.preview(baseRevisionId, uses);
  }

  // ---- jobs ---------------------------------------------------------------------------

  setSteps(steps: number): void {
    this.set({ steps });
  }

  setRefineSteps(refineSteps: 10 | 30 | 60): void {
    this.set({ refineSteps });
  }

  async optimize(): Promise<void> {
    if (isRunning(this.state.job)) return;
    const { base } = this;
    if (!base || !this.state.edit) {
      this.set({ refusal: "You changed nothing yet. Paint a part, then optimize." });
      return;
    }
    await this.enqueue(async () => {
      await this.strokesKept();
      return data.startEdit(this.imageId, {
        labelMap: await encodeLabels(base.painted),
        baseRevisionId: base.id,
        steps: this.state.steps,
        frozenSeq: this.socket.seqSeen,
      });
    });
  }

  async refine(): Promise<void> {
    const { baseRevisionId, stack, refineSteps, job } = this.state;
    if (baseRevisionId === null || isRunning(job)) return;
    await this.enqueue(() =>
      data.startRefinement(this.imageId, baseRevisionId, applied(stack), refineSteps),
    );
  }

  async keep(): Promise<void> {
    const { baseRevisionId, stack, job } = this.state;
    if (baseRevisionId === null || isRunning(job)) return;
    await this.enqueue(() => data.keepStack(this.imageId, baseRevisionId, applied(stack)));
  }

  async cancelRun(): Promise<void> {
    const { job } = this.state;
    if (!isRunning(job)) return;
    this.set({ job: { ...job, status: "canceling" } });
    try {
      this.adopt(await data.cancelJob(job.id));
    } catch (error) {
      this.refuse(error);
    }
  }

  async restore(revisionId: string): Promise<void> {
    try {
      await data.restoreRevision(revisionId);
      this.compareWith(null);
      this.say("Restored. A new revision was added.");
    } catch (error) {
      this.refuse(error);
    }
  }

  dismissJob(): void {
    this.set({ job: null });
  }

  private async enqueue(ask: () => Promise<Job>): Promise<void> {
    this.set({ refusal: null });
    try {
      const job = await ask();
      this.adopt(job);
      this.say("Started");
    } catch (error) {
      this.refuse(error);
    }
  }

  private adopt(job: Job): void {
    const { job: known } = this.state;
    if (known?.id === job.id && !isRunning(known)) return; // its end was heard already
    this.show({
      id: job.id,
      kind: job.kind,
      status: job.status,
      ownerId: job.owner.id,
      step: job.progress?.step ?? (known?.id === job.id ? known.step : 0),
      numSteps: job.progress?.num_steps ?? (known?.id === job.id ? known.numSteps : 0),
      secondsLeft: job.seconds_left,
      placeInQueue: job.place_in_queue,
      losses: known?.id === job.id ? known.losses : [],
      error: job.error?.detail ?? null,
      startedAt: known?.id === job.id ? known.startedAt : Date.now(),
    });
  }

  private async adoptRunningJob(): Promise<void> {
    try {
      const running = (await data.fetchActiveJobs(this.imageId)).find(({ kind }) =>
        WATCHED_KINDS.has(kind),
      );
      if (running && !isRunning(this.state.job)) this.adopt(running);
    } catch {
      // The socket tells of jobs as well; this only saves the wait for the next event.
    }
  }

  private jobChanged(event: JobChanged): void {
    if (!WATCHED_KINDS.has(event.kind)) return;
    const { job: known } = this.state;
    const isSame = known?.id === event.job_id;
    if (isSame && !isRunning(known)) return;
    const isOver = hasEnded(event.status);
    if (!isSame && (isOver || isRunning(known))) return;
    const losses = isSame ? [...known.losses] : [];
    const { progress } = event;
    if (progress && progress.step < (losses.at(-1)?.step ?? 0)) losses.length = 0; // began again
    if (progress && progress.step > (losses.at(-1)?.step ?? -1)) {
      losses.push({
        step: progress.step,
        painting: progress.figures.painting ?? null,
        rest: progress.figures.rest ?? null,
      });
    }
    this.show({
      id: event.job_id,
      kind: event.kind,
      status: isSame && known.status === "canceling" && !isOver ? "canceling" : event.status,
      ownerId: event.owner_id,
      step: progress?.step ?? (isSame ? known.step : 0),
      numSteps: progress?.num_steps ?? (isSame ? known.numSteps : 0),
      secondsLeft: event.seconds_left,
      placeInQueue: null,
      losses,
      error: event.error_detail,
      startedAt: isSame ? known.startedAt : Date.now(),
    });
  }

  private show(job: RunningJob): void {
    const before = this.state.job;
    this.set({ job });
    this.announceRun(before?.id === job.id ? before : null, job);
    const wasRunning = isRunning(before);
    if (isRunning(job)) {
      this.socket.watch(job.id);
      if (!wasRunning) {
        this.repaint();
        void this.showBefore();
      }
      return;
    }
    this.socket.watch(null);
    this.repaint();
    if (job.status === "canceled" || job.status === "failed") {
      this.engine?.setFrame(null, null);
      this.askPreview();
    }
    if (job.status === "succeeded") this.host.onRevisionsChanged();
    if (job.status !== "failed") {
      window.setTimeout(() => {
        if (this.state.job?.id === job.id) this.set({ job: null });
      }, 1_200);
    }
    this.host.onPictureChanged();
  }

  private announceRun(before: RunningJob | null, job: RunningJob): void {
    const quarter = (each: RunningJob | null) =>
      each && each.numSteps > 0 ? Math.floor((4 * each.step) / each.numSteps) : 0;
    if (job.status === "succeeded" && before?.status !== "succeeded") this.say("Done. Kept.");
    else if (job.status === "canceled") this.say("Canceled. Your strokes are still here.");
    else if (job.status === "failed") this.set({ refusal: job.error ?? "The run failed." });
    else if (quarter(job) > quarter(before)) {
      this.say(`${job.step} of ${job.numSteps} steps`);
    }
  }

  // ---- inside -------------------------------------------------------------------------

  private connectionChanged(connection: Connection): void {
    const was = this.state.connection.state;
    const { numWaiting } = this.state;
    this.set({ connection });
    if (connection.state === "offline" && was === "live") {
      this.say("Offline. Strokes are kept here and will be sent.");
    }
    if (connection.state === "live" && was === "offline" && numWaiting > 0) {
      this.say("Back. All strokes sent.");
    }
    if (connection.state === "live") {
      void this.adoptRunningJob();
      this.askPreview();
    }
  }

  private peopleChanged(people: readonly Person[]): void {
    this.set({ people });
    const { userId } = this.state;
    this.engine?.setClaims(
      people.flatMap(({ user_id, part, color }) =>
        part !== null && user_id !== userId ? [{ part, color }] : [],
      ),
    );
  }

  private readonly hurry = (): void => this.socket.hurry();

  /** Waits until the server has every own stroke, but not for long. */
  private async strokesKept(): Promise<void> {
    const until = Date.now() + KEPT_MS;
    while (!this.socket.isAllKept && Date.now() < until) {
      await new Promise((resolve) => window.setTimeout(resolve, 20));
    }
  }

  private set(change: Partial<StudioState>): void {
    this.store.setState(change);
  }
}

/** A painting that is not optimized yet, beside what it was painted on. */
export interface Painting {
  readonly baseRevisionId: string;
  readonly picture: ImageBitmap;
  readonly before: LabelMap;
  readonly painted: LabelMap;
}

interface LoggedBase extends LoadedRevision {
  painted: LabelMap;
}

const GROUP_ORDER = ["mouth", "face", "brows", "eyes", "head", "worn", "body"];

/** The parts as a list to choose from: the mouth first, backgrounds last. */
export function partsInOrder(family: Family): Part[] {
  const rank = ({ group, is_background }: Part) => {
    const place = GROUP_ORDER.indexOf(group);
    return is_background ? 99 : place < 0 ? GROUP_ORDER.length : place;
  };
  return [...family.parts].sort((a, b) => rank(a) - rank(b));
}
