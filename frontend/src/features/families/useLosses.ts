import { useEffect, useState } from "react";

import { type LossPoint, gathered } from "./losses";
import type { StepJob } from "./types";

/** Of the jobs of this visit, so that going to another step and back keeps the line. */
const known = new Map<string, readonly LossPoint[]>();

/** The figures of a job as they came while this page was open, oldest first. */
export function useLosses(job: StepJob | null): readonly LossPoint[] {
  const [points, setPoints] = useState<readonly LossPoint[]>([]);
  const id = job?.id;
  const progress = job?.progress;
  useEffect(() => {
    if (id === undefined || !progress) {
      setPoints([]);
      return;
    }
    const next = gathered(known.get(id) ?? [], progress.step, progress.numbers);
    known.set(id, next);
    setPoints(next);
  }, [id, progress]);
  return points;
}
