/** Every read of server state under its key, so that events know what to read again. */

import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  type QueryClient,
} from "@tanstack/react-query";

import { signInConfig } from "./auth";
import { api, take } from "./client";
import type { LibraryFilter } from "./libraryFilter";
import { toApiQuery } from "./libraryFilter";

export const keys = {
  session: ["session"] as const,
  families: ["families"] as const,
  family: (name: string) => ["families", "card", name] as const,
  familyProjects: ["families", "projects"] as const,
  familyProject: (id: string) => ["families", "project", id] as const,
  familySamples: (id: string, which: string) => ["families", "samples", id, which] as const,
  familyTry: (id: string) => ["families", "try", id] as const,
  schemaTemplates: ["schema templates"] as const,
  team: ["team"] as const,
  invitations: (id: string) => ["team", "invitations", id] as const,
  teamShares: (id: string) => ["team", "shares", id] as const,
  shares: (imageId: string) => ["images", "shares", imageId] as const,
  quotas: (id: string) => ["team", "quotas", id] as const,
  audit: (id: string) => ["team", "audit", id] as const,
  tokens: ["tokens"] as const,
  webhooks: (id: string) => ["team", "webhooks", id] as const,
  notices: ["notices"] as const,
  signInConfig: ["sign-in config"] as const,
  secondFactor: ["second factor"] as const,
  signIns: ["sign-ins"] as const,
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
  vectorPage: (id: string) => ["library", "page", id] as const,
  similar: (id: string) => ["library", "similar", id] as const,
  facets: (q: string, family: string) => ["library", "facets", q, family] as const,
  collections: ["library", "collections"] as const,
  collection: (id: string) => ["library", "collections", id] as const,
  conflicts: (ids: readonly string[]) => ["library", "conflicts", ...ids] as const,
  moderation: ["moderation"] as const,
  albumRuns: ["albums"] as const,
  albumRun: (id: string) => ["albums", id] as const,
};

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: () => take(api.GET("/api/session")),
  staleTime: 5 * 60_000,
});

export const signInConfigQuery = queryOptions({
  queryKey: keys.signInConfig,
  queryFn: signInConfig,
  staleTime: Infinity,
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

const ofTeam = (id: string) => ({ params: { path: { team_id: id } } });

export const invitationsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.invitations(id),
    queryFn: () => take(api.GET("/api/teams/{team_id}/invitations", ofTeam(id))),
  });

export const teamSharesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.teamShares(id),
    queryFn: () => take(api.GET("/api/teams/{team_id}/shares", ofTeam(id))),
  });

export const quotasQuery = (id: string) =>
  queryOptions({
    queryKey: keys.quotas(id),
    queryFn: () => take(api.GET("/api/teams/{team_id}/quotas", ofTeam(id))),
  });

export const auditQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: keys.audit(id),
    queryFn: ({ pageParam }) =>
      take(
        api.GET("/api/teams/{team_id}/audit", {
          params: { path: { team_id: id }, query: { cursor: pageParam } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next ?? undefined,
  });

export const sharesQuery = (imageId: string) =>
  queryOptions({
    queryKey: keys.shares(imageId),
    queryFn: () =>
      take(api.GET("/api/images/{image_id}/shares", { params: { path: { image_id: imageId } } })),
  });

export const webhooksQuery = (id: string) =>
  queryOptions({
    queryKey: keys.webhooks(id),
    queryFn: () => take(api.GET("/api/teams/{team_id}/webhooks", ofTeam(id))),
  });

export const noticesQuery = queryOptions({
  queryKey: keys.notices,
  queryFn: () => take(api.GET("/api/notices")),
  refetchInterval: 60_000,
});

export const tokensQuery = queryOptions({
  queryKey: keys.tokens,
  queryFn: () => take(api.GET("/api/tokens")),
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

/** All that the page of an edit vector shows. */
export const vectorPageQuery = (id: string) =>
  queryOptions({
    queryKey: keys.vectorPage(id),
    queryFn: () =>
      take(
        api.GET("/api/edit-vectors/{edit_vector_id}/page", {
          params: { path: { edit_vector_id: id } },
        }),
      ),
  });

export const similarQuery = (id: string) =>
  queryOptions({
    queryKey: keys.similar(id),
    queryFn: () =>
      take(
        api.GET("/api/edit-vectors/{edit_vector_id}/similar", {
          params: { path: { edit_vector_id: id }, query: { limit: 6 } },
        }),
      ),
  });

export const collectionsQuery = queryOptions({
  queryKey: keys.collections,
  queryFn: () => take(api.GET("/api/collections")),
});

export const collectionQuery = (id: string) =>
  queryOptions({
    queryKey: keys.collection(id),
    queryFn: () =>
      take(
        api.GET("/api/collections/{collection_id}", { params: { path: { collection_id: id } } }),
      ),
  });

/** The pairs of a stack that act on the same parts. */
export const conflictsQuery = (ids: readonly string[]) =>
  queryOptions({
    queryKey: keys.conflicts(ids),
    queryFn: () =>
      take(api.GET("/api/edit-vectors/conflicts", { params: { query: { ids: [...ids] } } })),
    enabled: ids.length > 1,
  });

export const moderationQuery = queryOptions({
  queryKey: keys.moderation,
  queryFn: () => take(api.GET("/api/moderation")),
});

export const albumRunsQuery = queryOptions({
  queryKey: keys.albumRuns,
  queryFn: () => take(api.GET("/api/album-runs")),
});

/** One run over an album, read again while pictures of it wait. */
export const albumRunQuery = (id: string) =>
  queryOptions({
    queryKey: keys.albumRun(id),
    queryFn: () => take(api.GET("/api/album-runs/{run_id}", { params: { path: { run_id: id } } })),
    refetchInterval: (query) => (query.state.data?.run.is_over ? false : 1000),
  });

export const facetsQuery = (q: string, family: string) =>
  queryOptions({
    queryKey: keys.facets(q, family),
    queryFn: () => take(api.GET("/api/edit-vectors/facets", { params: { query: { q, family } } })),
    placeholderData: keepPreviousData,
  });

export type Topic = "images" | "library" | "jobs" | "team" | "notifications" | "families";

/** Reads again whatever shows things of one topic of the team. */
export function refreshTopic(client: QueryClient, topic: Topic): void {
  if (topic === "notifications") {
    void client.invalidateQueries({ queryKey: keys.notices });
    return;
  }
  void client.invalidateQueries({ queryKey: keys[topic] });
  if (topic === "library") void client.invalidateQueries({ queryKey: keys.notices });
  if (topic === "team") void client.invalidateQueries({ queryKey: keys.session });
  else void client.invalidateQueries({ queryKey: keys.activity });
}
