/** Where does a project stand on its way to a family, and what do its steps say? */

import type { Project, Step, StepJob, StepKey } from "./types";
import { hasEnded } from "../../api/queries";
import { timeLeft, waitingWords } from "../../ui/words";

export const TITLES: Readonly<Record<StepKey, string>> = {
  bring: "Bring a generator",
  sample: "Draw samples",
  schema: "Name the parts",
  label: "Label 16",
  branch: "Train the labels",
  encoder: "Train the encoder",
  publish: "Publish",
};

export const isStepKey = (text: string | null): text is StepKey =>
  text !== null && Object.hasOwn(TITLES, text);

/** The step that is worth doing next: what runs or failed, else the first that may be done. */
export function stepNow(steps: readonly Step[]): StepKey {
  const first = (...states: Step["state"][]) => steps.find(({ state }) => states.includes(state));
  const found = first("running", "failed") ?? first("ready", "stale") ?? steps.at(-1);
  return found?.key ?? "bring";
}

const STATES: Readonly<Record<Step["state"], string>> = {
  locked: "Locked",
  ready: "Next",
  running: "Running",
  done: "Done",
  stale: "Changed since",
  failed: "Failed",
};

/** One or two words about a step, as its place on the path says them. */
export function stateWords({ key, state }: Step, project: Project): string {
  if (key === "label" && state !== "locked" && project.num_chosen > 0) {
    return `${project.num_labeled} of ${project.num_chosen} labelled`;
  }
  return STATES[state];
}

/** Whether there is a job that may still change. */
export const isUnderWay = (job: StepJob | null): boolean => job !== null && !hasEnded(job.status);

/** How much of a job is done, 0 to 1. */
export function jobShare(job: StepJob): number {
  const { progress } = job;
  if (!progress || progress.num_steps <= 0) return 0;
  return Math.min(1, progress.step / progress.num_steps);
}

/** What a job under way says of its time: its place in the queue, or the time left. */
export function jobTime(job: StepJob): string {
  if (job.status === "canceling") return "Stopping";
  if (job.status === "queued" && job.progress === null) {
    return waitingWords(job.place_in_queue, job.seconds_left);
  }
  const left = job.progress?.seconds_left ?? job.seconds_left;
  return left === null || left === undefined ? "" : timeLeft(left);
}
