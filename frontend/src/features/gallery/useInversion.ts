/** How far is the search for an upload? Frames and progress over the socket, else by asking. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { Job } from "../../api/client";
import { hasEnded, jobQuery, keys } from "../../api/queries";
import { quietRoom } from "../../api/quietRoom";
import type { JobChanged } from "../../api/socket";
import { useFrameUrl } from "../../ui/useFrameUrl";

export interface Inverting {
  readonly status: Job["status"] | null;
  readonly step: number;
  readonly numSteps: number | null;
  readonly secondsLeft: number | null;
  readonly place: number | null;
  /** The reconstruction as it comes into focus. */
  readonly frameUrl: string | null;
  readonly problem: string | null;
}

export function useInversion(imageId: string, jobId: string | null): Inverting {
  const client = useQueryClient();
  const [frameUrl, showFrame] = useFrameUrl();
  const [heard, setHeard] = useState<JobChanged | null>(null);
  const job = useQuery({ ...jobQuery(jobId ?? ""), enabled: jobId !== null });
  const status = heard && heard.job_id === jobId ? heard.status : (job.data?.status ?? null);

  useEffect(() => {
    if (jobId === null) return;
    const room = quietRoom(imageId, {
      onJob: (changed) => {
        if (changed.job_id === jobId) setHeard(changed);
      },
      onFrame: (frame) => {
        if (frame.stream === jobId) showFrame(frame.picture);
        return Promise.resolve();
      },
    });
    room.start();
    room.watch(jobId);
    return () => room.stop();
  }, [imageId, jobId, showFrame]);

  const isOver = status !== null && hasEnded(status);
  useEffect(() => {
    if (isOver) void client.invalidateQueries({ queryKey: keys.images });
  }, [isOver, client]);

  const progress = (heard?.job_id === jobId ? heard?.progress : null) ?? job.data?.progress ?? null;
  return {
    status,
    step: progress?.step ?? 0,
    numSteps: progress?.num_steps ?? null,
    secondsLeft: heard?.seconds_left ?? job.data?.seconds_left ?? null,
    place: job.data?.place_in_queue ?? null,
    frameUrl,
    problem: heard?.error_detail ?? job.data?.error?.detail ?? null,
  };
}
