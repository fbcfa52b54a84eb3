/**
 * How is a painting kept? Sent a moment after the last stroke, one sending at a time, and
 * held in the browser until the server has it, so that nothing is lost on the way.
 */

import { asProblem, mayRetry, type ProblemError } from "../../api/problem";

export type Keeping =
  | { readonly state: "kept" }
  | { readonly state: "waiting" }
  | { readonly state: "sending" }
  | { readonly state: "offline" }
  /** Somebody else saved meanwhile, or the server refused; the painting is still here. */
  | { readonly state: "refused"; readonly problem: ProblemError };

export interface KeeperHost<Thing> {
  /** Sends `thing` made on `version`; returns the version it became. */
  send(thing: Thing, version: number): Promise<number>;
  onChange(keeping: Keeping): void;
  setTimer(callback: () => void, ms: number): number;
  clearTimer(timer: number): void;
}

const REST_MS = 600;
const RETRY_MS = 3000;

export class Keeper<Thing> {
  private waiting: { readonly thing: Thing } | null = null;
  private isSending = false;
  private timer: number | null = null;
  private idle: (() => void)[] = [];

  constructor(
    private readonly host: KeeperHost<Thing>,
    public version: number,
  ) {}

  get isKept(): boolean {
    return this.waiting === null && !this.isSending;
  }

  keep(thing: Thing): void {
    this.waiting = { thing };
    if (!this.isSending) {
      this.host.onChange({ state: "waiting" });
      this.schedule(REST_MS);
    }
  }

  /** Sends what waits at once; resolves when all is kept or was refused. */
  flush(): Promise<void> {
    if (this.isKept) return Promise.resolve();
    return new Promise((resolve) => {
      this.idle.push(resolve);
      if (!this.isSending) this.schedule(0);
    });
  }

  /** After a refusal: sends again, on the version that the server has now. */
  insist(version: number): void {
    this.version = version;
    if (this.waiting) this.schedule(0);
  }

  /** Forgets what was not sent: the server's version counts. */
  drop(version: number): void {
    this.version = version;
    this.waiting = null;
    this.unschedule();
    this.host.onChange({ state: "kept" });
  }

  stop(): void {
    this.unschedule();
  }

  private unschedule(): void {
    if (this.timer !== null) this.host.clearTimer(this.timer);
    this.timer = null;
  }

  private schedule(ms: number): void {
    this.unschedule();
    this.timer = this.host.setTimer(() => void this.send(), ms);
  }

  private async send(): Promise<void> {
    this.timer = null;
    const { waiting } = this;
    if (!waiting || this.isSending) return;
    this.isSending = true;
    this.host.onChange({ state: "sending" });
    try {
      this.version = await this.host.send(waiting.thing, this.version);
      this.isSending = false;
      if (this.waiting === waiting) {
        this.waiting = null;
        this.host.onChange({ state: "kept" });
        this.settle();
      } else {
        this.schedule(0); // painted on meanwhile
      }
    } catch (error) {
      this.isSending = false;
      if (mayRetry(error)) {
        this.host.onChange({ state: "offline" });
        this.schedule(RETRY_MS);
      } else {
        this.host.onChange({ state: "refused", problem: asProblem(error) });
        this.settle();
      }
    }
  }

  private settle(): void {
    for (const resolve of this.idle.splice(0)) resolve();
  }
}
