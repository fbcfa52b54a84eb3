/** What does the platform tell of a family in the making? By the short names of these pages. */

import type {
  FamilyProject,
  FamilySample,
  FamilyStep,
  FamilyTry,
  FamilyUpload,
  Job,
  SchemaTemplate,
} from "../../api/client";

export type { FamilyCard, Reconstruction } from "../../api/client";
export type Project = FamilyProject;
export type Sample = FamilySample;
export type Step = FamilyStep;
export type StepKey = Step["key"];
export type StepJob = Job;
export type Template = SchemaTemplate;
export type Try = FamilyTry;
export type Upload = FamilyUpload;
