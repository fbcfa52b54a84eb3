/** What do the pages of own families ask the platform for? */

import { queryOptions } from "@tanstack/react-query";

import { api, newKey, sendForm, take } from "../../api/client";
import { keys } from "../../api/queries";
import type { PartDraft } from "./schema";
import type { FamilyCard, Project, Sample, StepJob, Template, Try, Upload } from "./types";

const of = (project_id: string) => ({ params: { path: { project_id } } });
const ofSample = (sample_id: string) => ({ params: { path: { sample_id } } });

const POLL_MS = 1000;

export const projectsQuery = queryOptions({
  queryKey: keys.familyProjects,
  queryFn: () => take(api.GET("/api/family-projects")) as Promise<Project[]>,
});

/** One project; read again every second while a step of it runs. */
export const projectQuery = (id: string) =>
  queryOptions({
    queryKey: keys.familyProject(id),
    queryFn: () => take(api.GET("/api/family-projects/{project_id}", of(id))) as Promise<Project>,
    refetchInterval: ({ state }) =>
      state.data?.steps.some((step) => step.state === "running") ? POLL_MS : false,
  });

/** Proposed samples by their place, then those that people chose, by number. */
export const inOrder = (samples: readonly Sample[]): Sample[] =>
  samples.toSorted((a, b) => (a.place ?? 1000) - (b.place ?? 1000) || a.number - b.number);

export type Which = "all" | "chosen" | "labeled" | "predicted";

export const samplesQuery = (id: string, which: Which) =>
  queryOptions({
    queryKey: keys.familySamples(id, which),
    queryFn: () =>
      take(
        api.GET("/api/family-projects/{project_id}/samples", {
          params: { path: { project_id: id }, query: { which } },
        }),
      ) as Promise<Sample[]>,
    // Those to label in the order of their reasons, which build on one another.
    ...(which === "chosen" ? { select: inOrder } : {}),
  });

export const cardQuery = (name: string) =>
  queryOptions({
    queryKey: keys.family(name),
    queryFn: () =>
      take(api.GET("/api/families/{name}", { params: { path: { name } } })) as Promise<FamilyCard>,
    staleTime: Infinity,
  });

export const templatesQuery = queryOptions({
  queryKey: keys.schemaTemplates,
  queryFn: () => take(api.GET("/api/family-schema-templates")) as Promise<Template[]>,
  staleTime: Infinity,
});

export const tryQuery = (id: string) =>
  queryOptions({
    queryKey: keys.familyTry(id),
    queryFn: () =>
      take(
        api.GET("/api/family-tries/{try_id}", { params: { path: { try_id: id } } }),
      ) as Promise<Try>,
    refetchInterval: ({ state }) =>
      state.data && state.data.state !== "waiting" ? false : POLL_MS,
  });

export const createProject = (title: string) =>
  take(api.POST("/api/family-projects", { body: { title } })) as Promise<Project>;

export const changeProject = (
  id: string,
  body: { title?: string; description?: string; license?: string },
) => take(api.PATCH("/api/family-projects/{project_id}", { ...of(id), body })) as Promise<Project>;

export const removeProject = (id: string) =>
  take(api.DELETE("/api/family-projects/{project_id}", of(id)));

// ---- bring -------------------------------------------------------------------------------

export const beginUpload = (id: string, file: File, kind: Upload["kind"]) =>
  take(
    api.POST("/api/family-projects/{project_id}/uploads", {
      ...of(id),
      body: { file_name: file.name, size: file.size, kind },
    }),
  ) as Promise<Upload>;

export const readUpload = (id: string) =>
  take(
    api.GET("/api/family-uploads/{upload_id}", { params: { path: { upload_id: id } } }),
  ) as Promise<Upload>;

export function sendChunk(
  upload: Upload,
  offset: number,
  chunk: Blob,
  options: { onSent: (share: number) => void; signal: AbortSignal },
): Promise<Upload> {
  const form = new FormData();
  form.set("offset", String(offset));
  form.set("chunk", chunk, "chunk");
  return sendForm<Upload>(`/api/family-uploads/${upload.id}/chunks`, form, {
    idempotencyKey: newKey(),
    ...options,
  });
}

export const dropUpload = (id: string) =>
  take(api.DELETE("/api/family-uploads/{upload_id}", { params: { path: { upload_id: id } } }));

// ---- jobs --------------------------------------------------------------------------------

export interface BringOptions {
  readonly upload_id: string | null;
  readonly license: string;
  readonly resolution: 16 | 32 | 64 | 128 | 256;
  readonly minutes: number;
}

export const bring = (id: string, body: BringOptions) =>
  take(
    api.POST("/api/family-projects/{project_id}/bring", { ...of(id), body }),
  ) as Promise<StepJob>;

export const drawSamples = (id: string, seed = 0) =>
  take(
    api.POST("/api/family-projects/{project_id}/sample", { ...of(id), body: { seed } }),
  ) as Promise<StepJob>;

export const trainBranch = (id: string) =>
  take(api.POST("/api/family-projects/{project_id}/train-branch", of(id))) as Promise<StepJob>;

export const trainEncoder = (id: string, minutes: number) =>
  take(
    api.POST("/api/family-projects/{project_id}/train-encoder", {
      ...of(id),
      body: { minutes },
    }),
  ) as Promise<StepJob>;

export const publish = (
  id: string,
  body: { name: string; title: string; description: string; license: string },
) =>
  take(
    api.POST("/api/family-projects/{project_id}/publish", { ...of(id), body }),
  ) as Promise<StepJob>;

export const cancelJob = (id: string) =>
  take(api.POST("/api/jobs/{job_id}/cancel", { params: { path: { job_id: id } } }));

export function tryPicture(id: string, file: File): Promise<Try> {
  const form = new FormData();
  form.set("file", file);
  return sendForm<Try>(`/api/family-projects/${id}/tries`, form, { idempotencyKey: newKey() });
}

// ---- samples and labels ------------------------------------------------------------------

export const changeSample = (
  id: string,
  change: { is_chosen?: boolean; assignee_id?: number | null; take?: boolean },
) =>
  take(
    api.PATCH("/api/family-samples/{sample_id}", {
      ...ofSample(id),
      body: { take: false, ...change },
    }),
  ) as Promise<Sample>;

export const readSample = (id: string) =>
  take(api.GET("/api/family-samples/{sample_id}", ofSample(id))) as Promise<Sample>;

export const sayHere = (id: string) =>
  take(api.POST("/api/family-samples/{sample_id}/here", ofSample(id)));

export function saveLabels(
  id: string,
  labels: { readonly version: number; readonly map: Blob; readonly isDone: boolean },
): Promise<Sample> {
  const form = new FormData();
  form.set("version", String(labels.version));
  form.set("label_map", labels.map, "labels.png");
  form.set("is_done", String(labels.isDone));
  return sendForm<Sample>(`/api/family-samples/${id}/label-map`, form, {
    idempotencyKey: newKey(),
  });
}

export interface ImportedLabels {
  readonly imported: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

export function importLabels(id: string, file: File, replace: boolean): Promise<ImportedLabels> {
  const form = new FormData();
  form.set("file", file);
  form.set("replace", String(replace));
  return sendForm<ImportedLabels>(`/api/family-projects/${id}/labels`, form, {
    idempotencyKey: newKey(),
  });
}

export const labelsAddress = (id: string, form: "png" | "coco") =>
  `/api/family-projects/${id}/labels?form=${form}`;

export const sheetAddress = (id: string, sheet: number) =>
  `/api/family-projects/${id}/sheet?v=${sheet}`;

// ---- parts -------------------------------------------------------------------------------

export const saveSchema = (
  id: string,
  body: {
    schema_version: number;
    parts: PartDraft[];
    merged: Record<string, number | null>;
  },
) =>
  take(
    api.PUT("/api/family-projects/{project_id}/schema", { ...of(id), body }),
  ) as Promise<Project>;
