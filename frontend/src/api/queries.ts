/** Every read of server state under its key, so that events know what to read again. */

import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  type QueryClient,
} from "@tanstack/react-query";

import { api, take } from "./client";
import type { LibraryFilter } from "./libraryFilter";
import { toApiQuery } from "./libraryFilter";

export const keys = {
  session: ["session"] as const,
  families: ["families"] as const,
  team: ["team"] as const,
  activity: ["activity"] as const,
  images: ["images"] as const,
  imagePages: (q: string) => ["images", "pages", q] as const,
  image: (id: string) => ["images", "one", id] as const,
  revisions: (id: string) => ["images", "revisions", id] as const,
  jobs: ["jobs"] as const,
  job: (id: string) => ["jobs", "one", id] as const,
  activeJobs: (imageId: string) => ["jobs", "active", imageId] as const,
  library: ["library"] as const,
  vectors: (filter: LibraryFilter) => ["library", "pages", filter] as const,
  vector: (id: string) => ["library", "one", id] as const,
  facets: (q: string) => ["library", "facets", q] as const,
};

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: () => take(api.GET("/api/session")),
  staleTime: 5 * 60_000,
});

export const familiesQuery = queryOptions({
  queryKey: keys.families,
  queryFn: () => take(api.GET("/api/families")),
  staleTime: Infinity,
});

export const teamQuery = queryOptions({
  queryKey: keys.team,
  queryFn: () => take(api.GET("/api/team")),
});

export const activityQuery = queryOptions({
  queryKey: keys.activity,
  queryFn: () => take(api.GET("/api/activity")),
});

export const imagePagesQuery = (q: string) =>
  infiniteQueryOptions({
    queryKey: keys.imagePages(q),
    queryFn: ({ pageParam }) =>
      take(api.GET("/api/images", { params: { query: { q, cursor: pageParam } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });

export const imageQuery = (id: string) =>
  queryOptions({
    queryKey: keys.image(id),
    queryFn: () => take(api.GET("/api/images/{image_id}", { params: { path: { image_id: id } } })),
  });

export const revisionsQuery = (imageId: string) =>
  queryOptions({
    queryKey: keys.revisions(imageId),
    queryFn: () =>
      take(
        api.GET("/api/images/{image_id}/revisions", { params: { path: { image_id: imageId } } }),
      ),
  });

const ENDED = new Set(["succeeded", "failed", "canceled"]);

/** Whether a job's status will not change again. */
export function hasEnded(status: string): boolean {
  return ENDED.has(status);
}

/** One job, asked for every second until it ended: the fallback where no socket reports it. */
export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: keys.job(id),
    queryFn: () => take(api.GET("/api/jobs/{job_id}", { params: { path: { job_id: id } } })),
    refetchInterval: (query) => {
      const job = query.state.data;
      return job && hasEnded(job.status) ? false : 1000;
    },
  });

export const vectorsQuery = (filter: LibraryFilter) =>
  infiniteQueryOptions({
    queryKey: keys.vectors(filter),
    queryFn: ({ pageParam }) =>
      take(
        api.GET("/api/edit-vectors", {
          params: { query: { ...toApiQuery(filter), cursor: pageParam } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });

export const vectorQuery = (id: string) =>
  queryOptions({
    queryKey: keys.vector(id),
    queryFn: () =>
      take(
        api.GET("/api/edit-vectors/{edit_vector_id}", { params: { path: { edit_vector_id: id } } }),
      ),
  });

export const facetsQuery = (q: string) =>
  queryOptions({
    queryKey: keys.facets(q),
    queryFn: () => take(api.GET("/api/edit-vectors/facets", { params: { query: { q } } })),
    placeholderData: keepPreviousData,
  });

/** Reads again whatever shows things of one topic of the team. */
export function refreshTopic(client: QueryClient, topic: "images" | "library" | "jobs"): void {
  void client.invalidateQueries({ queryKey: keys[topic] });
  void client.invalidateQueries({ queryKey: keys.activity });
}
