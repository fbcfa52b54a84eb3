/** Which edit vectors would do what is painted now? Asked again after each rest of the hand. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { PaintingMatch } from "../../api/client";
import type { Scope } from "../../api/libraryFilter";
import { asProblem } from "../../api/problem";
import { encodeLabels } from "../../canvas/labelpng";
import { useStudio, useStudioState } from "./context";
import * as data from "./data";
import { worthShowing } from "./words";

const REST_MS = 250;

export interface Found {
  /** null until the first answer came. */
  readonly matches: readonly PaintingMatch[] | null;
  readonly numCandidates: number;
  readonly seconds: number | null;
  readonly isAsking: boolean;
  readonly refusal: string | null;
  readonly askAgain: () => void;
}

export function usePaintingSearch(scope: Scope): Found {
  const { session, image } = useStudio();
  const [number, hasEdit, baseRevisionId] = useStudioState((state) => [
    state.paintingNumber,
    state.edit !== null,
    state.baseRevisionId,
  ]);
  const [rested, setRested] = useState(number);
  useEffect(() => {
    const timer = window.setTimeout(() => setRested(number), REST_MS);
    return () => window.clearTimeout(timer);
  }, [number]);
  const search = useQuery({
    queryKey: ["painting search", image.id, baseRevisionId, rested, scope],
    queryFn: async ({ signal }) => {
      const { painting } = session;
      if (!painting) return null;
      return data.findByPainting(
        image.id,
        {
          labelMap: await encodeLabels(painting.painted),
          baseRevisionId: painting.baseRevisionId,
          scope,
        },
        signal,
      );
    },
    enabled: hasEdit && baseRevisionId !== null,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 60_000,
    retry: false,
  });
  const answer = search.data ?? null;
  return {
    matches: answer?.is_done ? worthShowing(answer.matches) : null,
    numCandidates: answer?.num_candidates ?? 0,
    seconds: answer?.seconds ?? null,
    isAsking: hasEdit && (search.isFetching || rested !== number),
    refusal: search.error ? asProblem(search.error).message : (answer?.refusal ?? null),
    askAgain: () => void search.refetch(),
  };
}
