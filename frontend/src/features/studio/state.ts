/** What does the studio know right now? One store per open picture. */

import { createStore } from "zustand/vanilla";

import { hasEnded } from "../../api/queries";
import type { Connection, JobStatus, Person, VectorUse } from "../../api/socket";
import type { ViewMode } from "../../canvas/scene";
import type { ToolName } from "../../canvas/tools/tool";

export interface StackEntry extends VectorUse {
  readonly isHidden: boolean;
}

export interface LossPoint {
  readonly step: number;
  readonly painting: number | null;
  readonly rest: number | null;
}

export interface RunningJob {
  readonly id: string;
  readonly kind: string;
  readonly status: JobStatus;
  readonly ownerId: number;
  readonly step: number;
  readonly numSteps: number;
  readonly secondsLeft: number | null;
  readonly placeInQueue: number | null;
  readonly losses: readonly LossPoint[];
  readonly error: string | null;
  readonly startedAt: number;
}

export interface Edit {
  readonly parts: readonly number[];
  readonly numChanged: number;
}

export interface StudioState {
  readonly connection: Connection;
  readonly numWaiting: number; // own ops that the server has not placed
  readonly mayEdit: boolean;
  readonly userId: number | null;
  readonly people: readonly Person[];
  readonly baseRevisionId: string | null;

  readonly tool: ToolName;
  readonly part: number;
  readonly radius: number; // sixteenths of a label-map pixel
  readonly opacity: number;
  readonly mode: ViewMode;
  readonly showsPixels: boolean;
  readonly isBeforeHeld: boolean;
  readonly compareAt: number;
  readonly comparedId: string | null; // a revision of the history, shown beside the present
  readonly isPenDown: boolean;
  readonly hovered: number | null;
  readonly viewport: { readonly scale: number; readonly left: number; readonly top: number };
  readonly labelSize: number;

  readonly mayUndo: boolean;
  readonly mayRedo: boolean;
  readonly edit: Edit | null;
  /** Counts the paintings of this visit: a new number is another painting. */
  readonly paintingNumber: number;
  readonly stack: readonly StackEntry[];
  readonly isPreviewLate: boolean;
  readonly job: RunningJob | null;
  readonly steps: number;
  readonly refineSteps: 10 | 30 | 60;

  readonly refusal: string | null;
}

export const createStudioStore = () =>
  createStore<StudioState>(() => ({
    connection: { state: "connecting" },
    numWaiting: 0,
    mayEdit: true,
    userId: null,
    people: [],
    baseRevisionId: null,
    tool: "brush",
    part: 0,
    radius: 28,
    opacity: 0.36,
    mode: "overlay",
    showsPixels: false,
    isBeforeHeld: false,
    compareAt: 0.5,
    comparedId: null,
    isPenDown: false,
    hovered: null,
    viewport: { scale: 1, left: 0, top: 0 },
    labelSize: 64,
    mayUndo: false,
    mayRedo: false,
    edit: null,
    paintingNumber: 0,
    stack: [],
    isPreviewLate: false,
    job: null,
    steps: 30,
    refineSteps: 10,
    refusal: null,
  }));

type Underway = RunningJob & { readonly status: "queued" | "leased" | "running" | "canceling" };

export const isRunning = (job: RunningJob | null): job is Underway =>
  job !== null && !hasEnded(job.status);

/** What of the stack is applied: visible, and not zero. */
export const applied = (stack: readonly StackEntry[]): VectorUse[] =>
  stack
    .filter(({ isHidden, strength }) => !isHidden && strength !== 0)
    .map(({ edit_vector_version_id, strength }) => ({ edit_vector_version_id, strength }));
