/** What does the studio ask the server for, beyond the shared queries? */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import {
  type EditVector,
  type Job,
  type PaintingSearch,
  type Uncertainty,
  api,
  newKey,
  sendForm,
  take,
} from "../../api/client";
import type { Scope } from "../../api/libraryFilter";
import { keys } from "../../api/queries";
import type { Snapshot, VectorUse } from "../../api/socket";

const ofImage = (id: string) => ({ path: { image_id: id } });

export const fetchSnapshot = async (id: string): Promise<Snapshot> => {
  // Read past the cache: a snapshot only counts if it is of now.
  const response = await fetch(`/api/images/${id}/room`, {
    credentials: "same-origin",
    cache: "no-cache",
  });
  if (!response.ok) throw new Error(`The room answered ${response.status}.`);
  return (await response.json()) as Snapshot;
};

export const fetchActiveJobs = (id: string): Promise<Job[]> =>
  take(api.GET("/api/jobs", { params: { query: { image_id: id, active: true } } }));

export const searchQuery = (bundle: string, q: string) =>
  queryOptions({
    queryKey: [...keys.library, "picker", bundle, q] as const,
    queryFn: async () => {
      const page = await take(api.GET("/api/edit-vectors", { params: { query: { bundle, q } } }));
      return { ...page, items: page.items as EditVector[] }; // the client widens its tuples
    },
    placeholderData: keepPreviousData,
  });

export const versionsQuery = (ids: readonly string[]) =>
  queryOptions({
    queryKey: [...keys.library, "versions", ...ids] as const,
    queryFn: async () =>
      (await take(
        api.GET("/api/edit-vectors/versions", { params: { query: { ids: [...ids] } } }),
      )) as EditVector[],
    enabled: ids.length > 0,
    placeholderData: keepPreviousData,
  });

export const renamePicture = (id: string, name: string) =>
  take(api.PATCH("/api/images/{image_id}", { params: ofImage(id), body: { name } }));

export function startEdit(
  id: string,
  edit: {
    readonly labelMap: Blob;
    readonly baseRevisionId: string;
    readonly steps: number;
    readonly frozenSeq: number;
  },
): Promise<Job> {
  const form = new FormData();
  form.set("label_map", edit.labelMap, "painting.png");
  form.set("base_revision_id", edit.baseRevisionId);
  form.set("steps", String(edit.steps));
  form.set("frozen_seq", String(edit.frozenSeq));
  return sendForm<Job>(`/api/images/${id}/edits`, form, { idempotencyKey: newKey() });
}

const once = () => ({ "Idempotency-Key": newKey() });

export const startRefinement = (
  id: string,
  base_revision_id: string,
  stack: VectorUse[],
  steps: 10 | 30 | 60,
): Promise<Job> =>
  take(
    api.POST("/api/images/{image_id}/refinements", {
      params: { ...ofImage(id), header: once() },
      body: { base_revision_id, stack, steps },
    }),
  );

export const keepStack = (
  id: string,
  base_revision_id: string,
  stack: VectorUse[],
): Promise<Job> =>
  take(
    api.POST("/api/images/{image_id}/revisions", {
      params: { ...ofImage(id), header: once() },
      body: { base_revision_id, stack },
    }),
  );

export const cancelJob = (id: string): Promise<Job> =>
  take(api.POST("/api/jobs/{job_id}/cancel", { params: { path: { job_id: id } } }));

export const restoreRevision = (id: string) =>
  take(
    api.POST("/api/revisions/{revision_id}/restore", { params: { path: { revision_id: id } } }),
  );

export const saveEditVector = (
  revisionId: string,
  vector: { readonly title: string; readonly description: string; readonly tags: string[] },
) =>
  take(
    api.POST("/api/revisions/{revision_id}/edit-vector", {
      params: { path: { revision_id: revisionId } },
      body: vector,
    }),
  );

async function loadMedia(url: string): Promise<Response> {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error("A picture could not be read. Reload the page to try again.");
  return response;
}

export const loadBlob = async (url: string): Promise<Blob> => (await loadMedia(url)).blob();

export const loadBitmap = async (url: string): Promise<ImageBitmap> =>
  createImageBitmap(await loadBlob(url));

export const loadBytes = async (url: string): Promise<Uint8Array> =>
  new Uint8Array(await (await loadMedia(url)).arrayBuffer());

/** The person's own edit vectors of a bundle, to which a version can be added. */
export const ownVectorsQuery = (bundle: string) =>
  queryOptions({
    queryKey: [...keys.library, "own", bundle] as const,
    queryFn: async () => {
      const query = { bundle, mine: true, sort: "new" as const };
      const page = await take(api.GET("/api/edit-vectors", { params: { query } }));
      return page.items as EditVector[];
    },
  });

export const saveVersion = (revisionId: string, edit_vector_id: string, notes: string) =>
  take(
    api.POST("/api/revisions/{revision_id}/edit-vector-version", {
      params: { path: { revision_id: revisionId } },
      body: { edit_vector_id, notes },
    }),
  );

const POLL_MS = 120;

interface Question {
  readonly job_id: string;
  readonly is_done: boolean;
}

/** The answer to a question that a worker works on; `signal` takes it back from the worker. */
async function answered<T extends Question>(
  asked: T,
  read: (jobId: string) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  let answer = asked;
  while (!answer.is_done) {
    await new Promise((resolve) => window.setTimeout(resolve, POLL_MS));
    if (signal.aborted) {
      void cancelJob(answer.job_id).catch(() => undefined); // it may have ended meanwhile
      break;
    }
    answer = await read(answer.job_id);
  }
  return answer;
}

/**
 * The edit vectors that would do what was painted, best first, each tried on this picture.
 * Stopped by `signal`, the question is taken back from the worker.
 */
export async function findByPainting(
  imageId: string,
  painting: { readonly labelMap: Blob; readonly baseRevisionId: string; readonly scope: Scope },
  signal: AbortSignal,
): Promise<PaintingSearch> {
  const form = new FormData();
  form.set("label_map", painting.labelMap, "painting.png");
  form.set("base_revision_id", painting.baseRevisionId);
  form.set("scope", painting.scope);
  const asked = await sendForm<PaintingSearch>(
    `/api/images/${imageId}/painting-searches`,
    form,
    { idempotencyKey: newKey(), signal },
  );
  const read = (job_id: string) =>
    take(
      api.GET("/api/painting-searches/{job_id}", { params: { path: { job_id } } }),
    ) as Promise<PaintingSearch>;
  return answered(asked, read, signal);
}

/** Where the label map of a revision is uncertain. */
export async function findUncertainty(
  revision_id: string,
  signal: AbortSignal,
): Promise<Uncertainty> {
  const asked = await take(
    api.POST("/api/revisions/{revision_id}/uncertainty", { params: { path: { revision_id } } }),
  );
  const read = (job_id: string) =>
    take(api.GET("/api/uncertainties/{job_id}", { params: { path: { job_id } } }));
  return answered(asked, read, signal);
}
