/** Where are the parts uncertain? Lays the map over the picture and says what it means. */

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";

import { asProblem } from "../../api/problem";
import { HeatLegend } from "../../ui/HeatLegend";
import { useStudio, useStudioState } from "./context";
import * as data from "./data";
import { applied, isRunning } from "./state";
import { overlayOf } from "./uncertainty";

/** Mounted while the view is on: the map comes and goes with it. */
export function UncertaintyCard() {
  const { session } = useStudio();
  const [revisionId, isBusy, isTried] = useStudioState((state) => [
    state.baseRevisionId,
    isRunning(state.job),
    applied(state.stack).length > 0,
  ]);
  const asked = useQuery({
    queryKey: ["uncertainty", revisionId],
    queryFn: async ({ signal }) => {
      const answer = await data.findUncertainty(revisionId ?? "", signal);
      if (!answer.map_url) throw new Error(answer.refusal ?? "Taken back. Ask again.");
      return {
        overlay: await overlayOf(await data.loadBlob(answer.map_url)),
        numMembers: answer.num_members,
      };
    },
    enabled: revisionId !== null,
    staleTime: Infinity, // a revision never changes
    gcTime: 10 * 60_000,
    retry: false,
  });
  const overlay = asked.data?.overlay ?? null;
  useEffect(() => {
    session.setUncertainty(overlay);
    return () => session.setUncertainty(null);
  }, [session, overlay]);

  if (isBusy) return null;
  return (
    <section className="st-uncertain" aria-label="Where the parts are uncertain">
      <div className="at-spread">
        <strong>Where the parts are uncertain</strong>
        {asked.data && <HeatLegend from="agree" to="disagree" />}
      </div>
      <p
        className="at-hint"
        role="status"
        data-explains={(asked.data && !isTried) || undefined}
      >
        {asked.isFetching ? (
          "Asking the worker…"
        ) : asked.error ? (
          <>
            {asProblem(asked.error).message}{" "}
            <button type="button" className="at-link" onClick={() => void asked.refetch()}>
              Ask again
            </button>
          </>
        ) : isTried ? (
          "The map is of the kept picture: hide the vectors of the stack to see it."
        ) : (
          `${asked.data?.numMembers ?? ""} networks name the parts. Where they disagree, a label may be wrong.`
        )}
      </p>
    </section>
  );
}
