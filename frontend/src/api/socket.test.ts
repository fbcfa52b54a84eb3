import { beforeEach, describe, expect, test } from "vitest";

import type { PlacedOp, Stroke } from "../canvas/strokelog";
import type { Frame } from "./frames";
import { type Connection, type PendingOp, RoomSocket, type Snapshot } from "./socket";

const STREAM = "0f0e0d0c-0b0a-0908-0706-050403020100";
const BASE = "11111111-2222-3333-4444-555555555555";

/** The server's end of a line that a test holds. */
class Line {
  readyState = 0;
  binaryType = "blob";
  heard: { type: string; [name: string]: unknown }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  send(text: string) {
    this.heard.push(JSON.parse(text) as Line["heard"][number]);
  }
  close() {
    this.readyState = 3;
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  cut(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
  all(type: string) {
    return this.heard.filter((message) => message.type === type);
  }
}

class World {
  lines: Line[] = [];
  stored = new Map<string, string>();
  timers = new Map<number, { callback: () => void; ms: number }>();
  snapshot: Snapshot = {
    epoch: 1,
    seq: 0,
    base_revision_id: BASE,
    ops: [],
    stack: [],
    may_edit: true,
  };
  numReads = 0;
  connections: string[] = [];
  ops: readonly PlacedOp[] = [];
  pending: readonly PendingOp[] = [];
  frames: Frame[] = [];
  finishFrame: (() => void)[] = [];
  socket: RoomSocket;

  constructor(stored = new Map<string, string>()) {
    this.stored = stored;
    let nextTimer = 1;
    this.socket = new RoomSocket(
      {
        open: () => {
          const line = new Line();
          this.lines.push(line);
          return line as unknown as WebSocket;
        },
        fetchSnapshot: () => {
          this.numReads += 1;
          return Promise.resolve(this.snapshot);
        },
        storage: {
          getItem: (key) => this.stored.get(key) ?? null,
          setItem: (key, value) => void this.stored.set(key, value),
          removeItem: (key) => void this.stored.delete(key),
        },
        storageKey: "pending",
        random: () => 1,
        setTimer: (callback, ms) => {
          this.timers.set(nextTimer, { callback, ms });
          return nextTimer++;
        },
        clearTimer: (timer) => void this.timers.delete(timer),
      },
      {
        onConnection: (connection: Connection) => this.connections.push(connection.state),
        onWelcome: () => undefined,
        onOps: ({ ops, pending }) => {
          this.ops = ops;
          this.pending = pending;
        },
        onStack: () => undefined,
        onPresence: () => undefined,
        onJob: () => undefined,
        onRevision: () => undefined,
        onRefused: () => undefined,
        onFrame: (frame) => {
          this.frames.push(frame);
          return new Promise((resolve) => this.finishFrame.push(resolve));
        },
        onPreviewSent: () => undefined,
      },
    );
  }

  get line(): Line {
    return this.lines.at(-1) ?? expect.fail("no line was opened");
  }

  welcome() {
    this.line.open();
    this.line.say({ type: "welcome", user_id: 1, may_edit: true, preview_stream: STREAM, epoch: 1, seq: 0 });
    return settled();
  }

  /** Lets the timer of this length ring. */
  ring(ms: number) {
    const found = [...this.timers].find(([, timer]) => timer.ms === ms);
    if (!found) return expect.fail(`no timer of ${ms} ms`);
    this.timers.delete(found[0]);
    found[1].callback();
  }
}

const settled = async () => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

const stroke = (id: string): Stroke => ({
  op_id: id,
  tool: "brush",
  part: 3,
  radius: 20,
  points: [[1, 2]],
  rasteriser: 1,
});
const op = (seq: number, id = `op${seq}`, epoch = 1): PlacedOp => ({
  epoch,
  seq,
  author_id: 2,
  stroke: stroke(id),
  undo: null,
});

function frame({ epoch = 1, seq = 1, step = 0, kind = 1, stream = STREAM }): ArrayBuffer {
  const bytes = new Uint8Array(50);
  const view = new DataView(bytes.buffer);
  bytes.set([kind, 1, 3]);
  bytes.set(stream.replaceAll("-", "").match(/../g)?.map((hex) => parseInt(hex, 16)) ?? [], 3);
  view.setUint32(19, epoch);
  view.setUint32(23, seq);
  view.setUint32(27, step);
  bytes.set(BASE.replaceAll("-", "").match(/../g)?.map((hex) => parseInt(hex, 16)) ?? [], 31);
  return bytes.buffer;
}

let world: World;
beforeEach(async () => {
  world = new World();
  world.socket.start();
  await world.welcome();
});

describe("ops", () => {
  test("come from the snapshot first and then one after the other", () => {
    world.line.say({ type: "op", op: op(1) });
    world.line.say({ type: "op", op: op(2) });

    expect(world.ops.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(world.numReads).toBe(1);
  });

  test("that come while the snapshot is read are put behind it", async () => {
    world = new World();
    world.socket.start();
    world.snapshot = { ...world.snapshot, seq: 1, ops: [op(1)] };
    const welcomed = world.welcome();
    world.line.say({ type: "op", op: op(2) });
    world.line.say({ type: "op", op: op(1) });
    await welcomed;

    expect(world.ops.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test("with a gap make the client read the snapshot again", async () => {
    world.snapshot = { ...world.snapshot, seq: 2, ops: [op(1), op(2)] };
    world.line.say({ type: "op", op: op(3) });
    await settled();

    expect(world.numReads).toBe(2);
    expect(world.ops.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  test("that were heard before change nothing", () => {
    world.line.say({ type: "op", op: op(1) });
    world.line.say({ type: "op", op: op(1) });

    expect(world.ops).toHaveLength(1);
  });

  test("of a new epoch wait for its snapshot", async () => {
    world.line.say({ type: "op", op: op(1) });
    world.snapshot = { ...world.snapshot, epoch: 2, seq: 0, ops: [] };
    world.line.say({ type: "room", epoch: 2, base_revision_id: BASE });
    await settled();

    expect(world.ops).toEqual([]);
    world.line.say({ type: "op", op: op(1, "new", 2) });
    expect(world.ops.map(({ epoch }) => epoch)).toEqual([2]);
  });

  test("missed without a sign are found by the heartbeat", async () => {
    world.snapshot = { ...world.snapshot, seq: 1, ops: [op(1)] };
    world.line.say({ type: "pong", epoch: 1, seq: 1 });
    await settled();

    expect(world.ops).toHaveLength(1);
  });
});

describe("own strokes", () => {
  test("wait in storage until the server gives them their place", () => {
    world.socket.draw(stroke("mine"));
    expect(world.stored.get("pending")).toContain("mine");
    expect(world.line.all("stroke")).toHaveLength(1);

    world.line.say({ type: "op", op: op(1, "mine") });

    expect(world.stored.has("pending")).toBe(false);
    expect(world.pending).toEqual([]);
    expect(world.ops).toHaveLength(1);
  });

  test("drawn without a line are sent after the next welcome", async () => {
    world.line.cut();
    world.socket.draw(stroke("mine"));
    expect(world.pending).toHaveLength(1);
    world.ring(500);
    await world.welcome();

    expect(world.line.all("stroke")).toHaveLength(1);
  });

  test("outlive a closed tab", async () => {
    world.line.cut();
    world.socket.draw(stroke("mine"));
    const reopened = new World(world.stored);
    reopened.socket.start();
    await reopened.welcome();

    expect(reopened.line.all("stroke")).toHaveLength(1);
  });

  test("that the server already has are not sent a second time", async () => {
    world.socket.draw(stroke("mine"));
    world.line.cut();
    world.snapshot = { ...world.snapshot, seq: 1, ops: [op(1, "mine")] };
    world.ring(500);
    await world.welcome();

    expect(world.line.all("stroke")).toEqual([]);
    expect(world.socket.isAllKept).toBe(true);
  });

  test("that are refused are not kept", () => {
    world.socket.draw(stroke("mine"));
    world.line.say({ type: "refused", code: "rooms.forbidden", detail: "No.", op_id: "mine" });

    expect(world.pending).toEqual([]);
  });
});

describe("the line", () => {
  test("is opened again after longer and longer waits", () => {
    world.line.cut();
    world.ring(500);
    world.line.cut();
    world.ring(1000);
    world.line.cut();
    world.ring(2000);

    expect(world.lines).toHaveLength(4);
  });

  test("is given up after two heartbeats without an answer", () => {
    world.ring(10_000);
    world.ring(10_000);
    expect(world.line.all("ping")).toHaveLength(2);
    world.ring(10_000);

    expect(world.connections.at(-1)).toBe("offline");
  });

  test("stays closed when the server says that this person has no access", () => {
    world.line.cut(4404);

    expect(world.connections.at(-1)).toBe("denied");
    expect(world.timers.size).toBe(0);
  });

  test("tells again which job is watched", async () => {
    world.socket.watch(STREAM);
    world.line.cut();
    world.ring(500);
    await world.welcome();

    expect(world.line.all("watch")).toEqual([{ type: "watch", job_id: STREAM }]);
  });
});

describe("frames", () => {
  const show = (data: ArrayBuffer) => world.line.onmessage?.({ data });

  test("say which stream, step and base they belong to", () => {
    show(frame({ epoch: 3, seq: 9, step: 7 }));

    const [shown] = world.frames;
    expect(shown).toMatchObject({ stream: STREAM, epoch: 3, seq: 9, step: 7, baseRevisionId: BASE });
    expect(shown?.picture.type).toBe("image/webp");
    expect(shown?.picture.size).toBe(3);
  });

  test("that are not newer are dropped, and their credit goes back", async () => {
    show(frame({ seq: 5 }));
    show(frame({ seq: 4 }));
    show(frame({ seq: 5 }));
    await settled();

    expect(world.frames.map(({ seq }) => seq)).toEqual([5]);
    expect(world.line.all("ack").map(({ seq }) => seq)).toEqual([4, 5]);
  });

  test("of a later epoch count as newer whatever their seq", () => {
    show(frame({ epoch: 1, seq: 50 }));
    show(frame({ epoch: 2, seq: 1 }));

    expect(world.frames.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  test("give their credit back once they are drawn", async () => {
    show(frame({ seq: 1 }));
    await settled();
    expect(world.line.all("ack")).toEqual([]);

    world.finishFrame[0]?.();
    await settled();

    expect(world.line.all("ack")).toEqual([{ type: "ack", stream: STREAM, seq: 1 }]);
  });

  test("of an unknown kind are ignored", () => {
    show(frame({ kind: 9 }));
    show(new ArrayBuffer(3));

    expect(world.frames).toEqual([]);
  });
});

describe("previews", () => {
  const ask = (strength: number) =>
    world.socket.preview(BASE, [{ edit_vector_version_id: STREAM, strength }]);

  test("are asked for at once, then at most thirty times a second, newest only", () => {
    ask(0.1);
    ask(0.2);
    ask(0.3);
    expect(world.line.all("preview")).toHaveLength(1);

    world.ring(33);

    const asked = world.line.all("preview");
    expect(asked.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(JSON.stringify(asked[1])).toContain("0.3");
  });

  test("without an answer are asked for again", () => {
    ask(0.1);
    world.ring(33);
    world.ring(1500);

    expect(world.line.all("preview")).toHaveLength(2);
  });

  test("that were answered are not asked for again", () => {
    ask(0.1);
    world.ring(33);
    world.line.onmessage?.({ data: frame({ seq: 1 }) });
    world.ring(1500);

    expect(world.line.all("preview")).toHaveLength(1);
  });
});
