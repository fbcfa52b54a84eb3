/** What does the platform tell of an own family? */

import type { Job, Part, Person } from "../../api/client";

export type StepKey = "bring" | "sample" | "schema" | "label" | "branch" | "encoder" | "publish";

export interface StepJob extends Omit<Job, "progress"> {
  readonly project_id: string | null;
  readonly progress: {
    readonly step: number;
    readonly num_steps: number;
    readonly figures: Readonly<Record<string, number | null>>;
    readonly sentence: string | null;
    readonly seconds_left: number | null;
    readonly sheet: number | null;
  } | null;
}

export interface Step {
  readonly key: StepKey;
  readonly state: "locked" | "ready" | "running" | "done" | "stale" | "failed";
  readonly why: string;
  readonly job: StepJob | null;
}

export interface Reconstruction {
  readonly original_url: string;
  readonly reconstruction_url: string;
  readonly error: number | null;
}

export interface Project {
  readonly id: string;
  readonly team_id: string;
  readonly title: string;
  readonly description: string;
  readonly license: string;
  readonly owner: Person;
  readonly created_at: string;
  readonly updated_at: string;
  readonly may_edit: boolean;
  readonly schema_version: number;
  readonly parts: readonly Part[];
  readonly steps: readonly Step[];
  readonly generator: {
    readonly source: "checkpoint" | "pictures";
    readonly file_name: string;
    readonly resolution: number;
    readonly label_size: number;
    readonly num_layers: number;
    readonly w_dim: number;
    readonly fingerprint: string;
    readonly warnings: readonly string[];
    readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  } | null;
  readonly num_samples: number;
  readonly num_proposed: number;
  readonly num_labeled: number;
  readonly num_chosen: number;
  readonly branch: {
    readonly trained_at: string;
    readonly num_labels: number;
    readonly figures: Readonly<Record<string, number>>;
    readonly is_stale: boolean;
  } | null;
  readonly encoder: {
    readonly trained_at: string;
    readonly figures: Readonly<Record<string, number>>;
    readonly reconstructions: readonly Reconstruction[];
  } | null;
  readonly published: readonly {
    readonly name: string;
    readonly title: string;
    readonly version: number;
    readonly published_at: string;
  }[];
}

export interface Sample {
  readonly id: string;
  readonly number: number;
  readonly picture_url: string;
  readonly thumbnail_url: string;
  readonly is_proposed: boolean;
  readonly reason: string;
  readonly is_chosen: boolean;
  readonly assignee: Person | null;
  readonly here: readonly Person[];
  readonly label: {
    readonly version: number;
    readonly url: string;
    readonly is_done: boolean;
    readonly parts_share: Readonly<Record<string, number>>;
    readonly saved_at: string;
    readonly saved_by: Person;
  } | null;
  readonly prediction: {
    readonly label_map_url: string;
    readonly uncertainty_url: string;
    readonly uncertainty: number;
    readonly rank: number;
  } | null;
}

export interface Upload {
  readonly id: string;
  readonly file_name: string;
  readonly kind: "checkpoint" | "pictures";
  readonly size: number;
  readonly received: number;
  readonly chunk_bytes: number;
  readonly is_whole: boolean;
}

export interface Template {
  readonly key: string;
  readonly title: string;
  readonly description: string;
  readonly parts: readonly Omit<Part, "id">[];
}

export interface Try {
  readonly id: string;
  readonly state: "waiting" | "done" | "failed";
  readonly original_url: string;
  readonly reconstruction_url: string | null;
  readonly label_map_url: string | null;
  readonly error: number | null;
  readonly why: string;
  readonly job_id: string;
}

export interface FamilyCard {
  readonly name: string;
  readonly title: string;
  readonly version: number;
  readonly resolution: number;
  readonly team_id: string | null;
  readonly project_id: string | null;
  readonly is_newest: boolean;
  readonly published_at: string | null;
  readonly parts: readonly Part[];
  readonly description: string;
  readonly license: string;
  readonly made_by: Person | null;
  readonly source: "shipped" | "checkpoint" | "pictures";
  readonly figures: Readonly<Record<string, number>>;
  readonly num_labels: number | null;
  readonly usual_error: readonly number[];
  readonly sample_urls: readonly string[];
  readonly reconstructions: readonly Reconstruction[];
}
