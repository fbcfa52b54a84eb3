/**
 * How does an open picture stay in step with its room? A client for `/ws/images/:id/`.
 *
 * It subscribes before it asks: hello, welcome, then the snapshot over HTTP, then every op
 * from that snapshot's `seq` on. A gap, a new epoch or a lost line means reading the
 * snapshot again. Own ops are kept in storage until the server has given them their place,
 * so that neither a lost line nor a closed tab loses a stroke.
 */

import type { PlacedOp, Stroke, Undo } from "../canvas/strokelog";
import { type Frame, NewestOnly, parseFrame } from "./frames";

export const PROTOCOL = 1;

export interface VectorUse {
  readonly edit_vector_version_id: string;
  readonly strength: number;
}

export interface Snapshot {
  readonly epoch: number;
  readonly seq: number;
  readonly base_revision_id: string | null;
  readonly ops: readonly PlacedOp[];
  readonly stack: readonly VectorUse[];
  readonly may_edit: boolean;
}

export interface Person {
  readonly user_id: number;
  readonly name: string;
  readonly initials: string;
  readonly color: string;
  readonly part: number | null;
}

export interface Figures {
  readonly total?: number | null;
  readonly painting?: number | null;
  readonly rest?: number | null;
  readonly identity?: number | null;
  readonly agreement?: number | null;
}

export interface Progress {
  readonly step: number;
  readonly num_steps: number;
  readonly figures: Figures;
}

export type JobStatus =
  | "queued"
  | "leased"
  | "running"
  | "canceling"
  | "succeeded"
  | "failed"
  | "canceled";

export interface JobChanged {
  readonly type: "job";
  readonly job_id: string;
  readonly kind: string;
  readonly status: JobStatus;
  readonly owner_id: number;
  readonly progress: Progress | null;
  readonly seconds_left: number | null;
  readonly revision_id: string | null;
  readonly error_code: string | null;
  readonly error_detail: string | null;
}

export interface Welcome {
  readonly type: "welcome";
  readonly user_id: number;
  readonly may_edit: boolean;
  readonly preview_stream: string;
  readonly epoch: number;
  readonly seq: number;
}

type ServerMessage =
  | Welcome
  | JobChanged
  | { readonly type: "op"; readonly op: PlacedOp }
  | { readonly type: "presence"; readonly people: readonly Person[] }
  | { readonly type: "stack"; readonly author_id: number; readonly stack: readonly VectorUse[] }
  | { readonly type: "room"; readonly epoch: number; readonly base_revision_id: string }
  | { readonly type: "revision"; readonly revision_id: string; readonly at: string }
  | {
      readonly type: "refused";
      readonly code: string;
      readonly detail: string;
      readonly op_id: string | null;
    }
  | { readonly type: "resync" }
  | { readonly type: "pong"; readonly seq: number; readonly epoch: number };

export type Connection =
  | { readonly state: "connecting" | "live" | "offline" }
  | { readonly state: "denied"; readonly code: number };

/** Own op that the server has not placed yet. */
export interface PendingOp {
  readonly stroke: Stroke | null;
  readonly undo: Undo | null;
}

export interface RoomListener {
  onConnection(connection: Connection): void;
  onWelcome(welcome: Welcome): void;
  /** The room as it is: epoch, placed ops in order, and own ops that wait for their place. */
  onOps(room: {
    readonly epoch: number;
    readonly baseRevisionId: string | null;
    readonly ops: readonly PlacedOp[];
    readonly pending: readonly PendingOp[];
  }): void;
  onStack(stack: readonly VectorUse[], authorId: number | null): void;
  onPresence(people: readonly Person[]): void;
  onJob(job: JobChanged): void;
  onRevision(revisionId: string): void;
  onRefused(refusal: { readonly code: string; readonly detail: string }): void;
  /** A frame newer than all before of its stream. The credit goes back when this settles. */
  onFrame(frame: Frame): Promise<void>;
  onPreviewSent(seq: number): void;
}

/** What the client needs from its surroundings; tests bring their own. */
export interface RoomSurroundings {
  open(): WebSocket;
  fetchSnapshot(): Promise<Snapshot>;
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  readonly storageKey: string;
  random(): number;
  setTimer(callback: () => void, ms: number): number;
  clearTimer(timer: number): void;
}

const OPEN = 1;
const HEARTBEAT_MS = 10_000;
const MISSED_BEATS = 2;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const PREVIEW_GAP_MS = 33;
const PREVIEW_AGAIN_MS = 1_500;
const PREVIEW_TRIES = 4;
const DENIED = new Set([4401, 4403, 4404]);

interface Wish {
  readonly baseRevisionId: string;
  readonly stack: readonly VectorUse[];
}

export class RoomSocket {
  private socket: WebSocket | null = null;
  private isStopped = false;
  private retries = 0;
  private retryTimer: number | null = null;
  private beatTimer: number | null = null;
  private unanswered = 0;

  private welcome: Welcome | null = null;
  private epoch = -1;
  private seq = -1;
  private baseRevisionId: string | null = null;
  private ops: PlacedOp[] = [];
  private early: PlacedOp[] = []; // ops that came while the snapshot was under way
  private isInStep = false;
  private reading = 0; // which snapshot is the wanted one
  private pending: PendingOp[];

  private newest = new NewestOnly();
  private watched: string | null = null;
  private claimed: number | null = null;
  private previewSeq = 0;
  private wish: Wish | null = null;
  private lastWish: Wish | null = null;
  private isPreviewUnderWay = false;
  private previewTimer: number | null = null;
  private againTimer: number | null = null;
  private previewTries = 0;

  constructor(
    private readonly surroundings: RoomSurroundings,
    private readonly listener: RoomListener,
  ) {
    this.pending = this.readPending();
  }

  start(): void {
    this.isStopped = false;
    this.listener.onConnection({ state: "connecting" });
    this.connect();
  }

  stop(): void {
    this.isStopped = true;
    for (const timer of [this.retryTimer, this.beatTimer, this.previewTimer, this.againTimer]) {
      if (timer !== null) this.surroundings.clearTimer(timer);
    }
    this.retryTimer = this.beatTimer = this.previewTimer = this.againTimer = null;
    this.drop(1000);
  }

  /** Tries to connect now: the browser says it is online again. */
  hurry(): void {
    if (this.isStopped || this.socket) return;
    if (this.retryTimer !== null) this.surroundings.clearTimer(this.retryTimer);
    this.retryTimer = null;
    this.connect();
  }

  draw(stroke: Stroke): void {
    this.add({ stroke, undo: null });
  }

  undo(undo: Undo): void {
    this.add({ stroke: null, undo });
  }

  /** Asks for the picture with a stack applied. Only the newest wish counts. */
  preview(baseRevisionId: string, stack: readonly VectorUse[]): void {
    this.wish = this.lastWish = { baseRevisionId, stack };
    this.previewTries = 0;
    if (this.previewTimer === null) this.sendWish();
  }

  rest(stack: readonly VectorUse[]): void {
    this.send({ type: "rest", stack });
  }

  claim(part: number | null): void {
    if (part === this.claimed) return;
    this.claimed = part;
    this.send({ type: "claim", part });
  }

  /** Asks for the frames of a job; kept over reconnects. Null stops. */
  watch(jobId: string | null): void {
    if (jobId === this.watched) return;
    this.watched = jobId;
    this.send({ type: "watch", job_id: jobId });
  }

  get seqSeen(): number {
    return Math.max(0, this.seq);
  }

  /** Whether every own op up to now has its place on the server. */
  get isAllKept(): boolean {
    return this.pending.length === 0;
  }

  // ---- the line ---------------------------------------------------------------------

  private connect(): void {
    const socket = this.surroundings.open();
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      if (socket !== this.socket) return;
      this.send({ type: "hello", protocol: PROTOCOL });
      this.unanswered = 0;
      this.beat();
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.socket) return;
      this.unanswered = 0;
      if (typeof data === "string") this.hear(data);
      else this.show(data);
    };
    socket.onclose = ({ code }) => {
      if (socket === this.socket) this.lose(code);
    };
  }

  private lose(code: number): void {
    this.drop();
    if (this.isStopped) return;
    if (DENIED.has(code)) {
      this.listener.onConnection({ state: "denied", code });
      return;
    }
    this.listener.onConnection({ state: "offline" });
    const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.retries);
    this.retries += 1;
    this.retryTimer = this.surroundings.setTimer(
      () => {
        this.retryTimer = null;
        this.connect();
      },
      wait * (0.5 + this.surroundings.random() / 2),
    );
  }

  private drop(code?: number): void {
    const { socket } = this;
    this.socket = null;
    this.welcome = null;
    this.isInStep = false;
    this.isPreviewUnderWay = false;
    this.reading += 1;
    if (this.beatTimer !== null) this.surroundings.clearTimer(this.beatTimer);
    this.beatTimer = null;
    if (socket && socket.readyState <= OPEN) socket.close(code);
  }

  private beat(): void {
    this.beatTimer = this.surroundings.setTimer(() => {
      if (this.unanswered >= MISSED_BEATS) {
        this.lose(1006);
        return;
      }
      this.unanswered += 1;
      this.send({ type: "ping" });
      this.beat();
    }, HEARTBEAT_MS);
  }

  private send(message: object): boolean {
    if (this.socket?.readyState !== OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  // ---- what the server says ---------------------------------------------------------

  private hear(text: string): void {
    const message = JSON.parse(text) as ServerMessage;
    switch (message.type) {
      case "welcome":
        this.welcome = message;
        this.newest = new NewestOnly();
        this.listener.onWelcome(message);
        void this.read();
        return;
      case "op":
        this.place(message.op);
        return;
      case "presence":
        this.listener.onPresence(message.people);
        return;
      case "stack":
        this.listener.onStack(message.stack, message.author_id);
        return;
      case "job":
        this.listener.onJob(message);
        return;
      case "room":
        if (message.epoch > this.epoch) void this.read();
        return;
      case "revision":
        this.listener.onRevision(message.revision_id);
        return;
      case "refused":
        this.refuse(message);
        return;
      case "resync":
        void this.read();
        return;
      case "pong":
        if (this.isInStep && (message.epoch > this.epoch || message.seq > this.seq)) {
          void this.read();
        }
    }
  }

  /** Reads the snapshot and goes on from it, with the ops that came in the meantime. */
  private async read(): Promise<void> {
    const reading = ++this.reading;
    this.isInStep = false;
    let snapshot: Snapshot;
    try {
      snapshot = await this.surroundings.fetchSnapshot();
    } catch {
      if (reading === this.reading && this.socket) this.lose(1006);
      return;
    }
    if (reading !== this.reading || !this.socket) return;
    this.epoch = snapshot.epoch;
    this.seq = snapshot.seq;
    this.baseRevisionId = snapshot.base_revision_id;
    this.ops = [...snapshot.ops].sort((a, b) => a.seq - b.seq);
    this.isInStep = true;
    this.retries = 0;
    for (const op of this.ops) this.settle(op);
    const early = this.early.sort((a, b) => a.seq - b.seq);
    this.early = [];
    for (const op of early) {
      if (this.isInStep) this.place(op);
      else this.early.push(op);
    }
    this.listener.onConnection({ state: "live" });
    this.listener.onStack(snapshot.stack, null);
    this.tellOps();
    for (const op of this.pending) this.sendOp(op);
    if (this.claimed !== null) this.send({ type: "claim", part: this.claimed });
    if (this.watched !== null) this.send({ type: "watch", job_id: this.watched });
    if (this.wish) this.sendWish();
  }

  private place(op: PlacedOp): void {
    if (!this.isInStep) {
      this.early.push(op);
      return;
    }
    if (op.epoch < this.epoch || (op.epoch === this.epoch && op.seq <= this.seq)) {
      this.settle(op);
      this.tellOps();
      return;
    }
    if (op.epoch > this.epoch || op.seq !== this.seq + 1) {
      this.early.push(op);
      void this.read();
      return;
    }
    this.seq = op.seq;
    this.ops.push(op);
    this.settle(op);
    this.tellOps();
  }

  private tellOps(): void {
    this.listener.onOps({
      epoch: this.epoch,
      baseRevisionId: this.baseRevisionId,
      ops: [...this.ops],
      pending: [...this.pending],
    });
  }

  // ---- own ops ----------------------------------------------------------------------

  private add(op: PendingOp): void {
    this.pending.push(op);
    this.writePending();
    this.tellOps();
    if (this.isInStep) this.sendOp(op);
  }

  private sendOp({ stroke, undo }: PendingOp): void {
    const { epoch } = this;
    if (stroke) this.send({ type: "stroke", epoch, stroke });
    else if (undo) this.send({ type: "undo", epoch, undo });
  }

  /** The server has this op: it no longer waits. */
  private settle(op: PlacedOp): void {
    this.forget(op.stroke?.op_id ?? op.undo?.op_id ?? "");
  }

  private forget(id: string): boolean {
    const left = this.pending.filter((op) => (op.stroke ?? op.undo)?.op_id !== id);
    if (left.length === this.pending.length) return false;
    this.pending = left;
    this.writePending();
    return true;
  }

  private refuse(refusal: { code: string; detail: string; op_id: string | null }): void {
    if (refusal.code === "rooms.epoch") {
      void this.read(); // the op stays pending and is sent again for the new epoch
      return;
    }
    if (refusal.op_id && this.forget(refusal.op_id)) this.tellOps();
    this.listener.onRefused(refusal);
  }

  private readPending(): PendingOp[] {
    try {
      const text = this.surroundings.storage.getItem(this.surroundings.storageKey);
      return text ? (JSON.parse(text) as PendingOp[]) : [];
    } catch {
      return [];
    }
  }

  private writePending(): void {
    const { storage, storageKey } = this.surroundings;
    try {
      if (this.pending.length === 0) storage.removeItem(storageKey);
      else storage.setItem(storageKey, JSON.stringify(this.pending));
    } catch {
      // Storage may be full or forbidden; the ops are still in memory and will be sent.
    }
  }

  // ---- pictures ---------------------------------------------------------------------

  private show(data: ArrayBuffer): void {
    const frame = parseFrame(data);
    if (!frame) return;
    if (frame.stream === this.welcome?.preview_stream && frame.seq >= this.previewSeq) {
      this.previewAnswered();
    }
    const giveCredit = () =>
      void this.send({ type: "ack", stream: frame.stream, seq: frame.seq });
    if (!this.newest.accept(frame)) {
      giveCredit();
      return;
    }
    this.listener.onFrame(frame).then(giveCredit, giveCredit);
  }

  private sendWish(): void {
    const { wish } = this;
    if (!wish || !this.isInStep) return;
    this.wish = null;
    this.isPreviewUnderWay = true;
    this.previewSeq += 1;
    this.send({
      type: "preview",
      seq: this.previewSeq,
      base_revision_id: wish.baseRevisionId,
      stack: wish.stack,
    });
    this.listener.onPreviewSent(this.previewSeq);
    this.previewTimer ??= this.surroundings.setTimer(() => {
      // Not waiting for the answer: the hand has moved on, and the server drops the older.
      this.previewTimer = null;
      this.sendWish();
    }, PREVIEW_GAP_MS);
    if (this.againTimer !== null) this.surroundings.clearTimer(this.againTimer);
    this.againTimer = this.surroundings.setTimer(() => {
      this.againTimer = null;
      if (!this.isPreviewUnderWay || !this.lastWish || this.previewTries >= PREVIEW_TRIES) return;
      this.previewTries += 1;
      this.wish = this.lastWish;
      this.sendWish();
    }, PREVIEW_AGAIN_MS);
  }

  private previewAnswered(): void {
    this.isPreviewUnderWay = false;
  }
}

/** The line of one picture in a browser. */
export function browserSurroundings(
  imageId: string,
  fetchSnapshot: () => Promise<Snapshot>,
): RoomSurroundings {
  const scheme = window.location.protocol === "https:" ? "wss" : "ws";
  return {
    open: () => new WebSocket(`${scheme}://${window.location.host}/ws/images/${imageId}/`),
    fetchSnapshot,
    storage: window.localStorage,
    storageKey: `atelier.pending.${imageId}`,
    random: Math.random,
    setTimer: (callback, ms) => window.setTimeout(callback, ms),
    clearTimer: (timer) => window.clearTimeout(timer),
  };
}
