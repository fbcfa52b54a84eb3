import { useMutation, useQueryClient } from "@tanstack/react-query";

import { keys } from "../../api/queries";
import { announce } from "../../ui/live";
import type { Project, StepJob } from "./types";

/** Starts the work of a step and shows it at once; `start` may take one argument. */
export function useStepJob<Argument = void>(
  project: Project,
  start: (argument: Argument) => Promise<StepJob>,
  onStarted?: () => void,
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: start,
    onSuccess: async () => {
      announce("Started.");
      await client.invalidateQueries({ queryKey: keys.familyProject(project.id) });
      onStarted?.();
    },
  });
}
