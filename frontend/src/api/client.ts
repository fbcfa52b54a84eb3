/**
 * How does the browser talk to the platform? One typed client over the published schema;
 * an answer is data or a thrown `ProblemError`, never both and never neither.
 */

import createClient from "openapi-fetch";

import { csrfToken } from "./csrf";
import { ProblemError, asProblem, toProblem } from "./problem";
import type { components, paths } from "./schema.gen";

/** What arrives is read with tuples as arrays, as the client's own answers are. */
type Plain<T> = T extends readonly (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? { [Key in keyof T]: Plain<T[Key]> }
    : T;
type Schemas = components["schemas"];
export type Image = Plain<Schemas["ImageOut"]>;
export type Inversion = Plain<Schemas["InversionOut"]>;
export type Revision = Plain<Schemas["RevisionOut"]>;
export type Job = Plain<Schemas["JobOut"]>;
export type EditVector = Plain<Schemas["EditVectorOut"]>;
export type VectorPage = Plain<Schemas["VectorPageOut"]>;
export type License = Plain<Schemas["LicenseIn"]>;
export type PaintingSearch = Plain<Schemas["PaintingSearchOut"]>;
export type Uncertainty = Schemas["UncertaintyOut"];
export type PaintingMatch = Plain<Schemas["MatchOut"]>;
export type Report = Schemas["ReportOut"];
export type Appeal = Schemas["AppealOut"];
export type RunPicture = Plain<Schemas["RunPictureOut"]>;
export type Card = Plain<Schemas["CardOut"]>;
export type Family = Plain<Schemas["FamilyOut"]>;
export type Part = Schemas["PartOut"];
export type Person = Schemas["PersonOut"];
export type Session = Schemas["SessionOut"];
export type FamilyCard = Plain<Schemas["FamilyPageOut"]>;
export type FamilyProject = Plain<Schemas["FamilyProjectOut"]>;
export type FamilyStep = Plain<Schemas["FamilyStepOut"]>;
export type FamilySample = Plain<Schemas["FamilySampleOut"]>;
export type FamilyTry = Schemas["FamilyTryOut"];
export type FamilyUpload = Schemas["FamilyUploadOut"];
export type SchemaTemplate = Plain<Schemas["TemplateOut"]>;
export type Reconstruction = Schemas["FamilyReconstructionOut"];
export type VectorUse = Schemas["VectorUse"];
export type Crop = Schemas["Crop"];
export type Activity = Schemas["ActivityOut"];
export type Team = Schemas["TeamWithMembersOut"];
export type Member = Schemas["MemberOut"];
export type Role = Member["role"];
export type Invitation = Schemas["InvitationOut"];
export type Share = Schemas["ShareOut"];
export type Token = Schemas["TokenOut"];
export type AuditEvent = Schemas["AuditEventOut"];

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin" });

api.use({
  onRequest({ request }) {
    if (!SAFE.has(request.method)) request.headers.set("X-CSRFToken", csrfToken());
    request.headers.set("Accept", "application/json");
    return request;
  },
});

interface Answer<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/** The data of an answer. Throws `ProblemError` for everything that is not a success. */
export async function take<T>(answer: Promise<Answer<T>>): Promise<NonNullable<T>> {
  let got: Answer<T>;
  try {
    got = await answer;
  } catch (error) {
    throw asProblem(error);
  }
  if (!got.response.ok) throw toProblem(got.response.status, got.error);
  return got.data as NonNullable<T>;
}

/** A fresh key under which a request may be sent again without happening twice. */
export function newKey(): string {
  return crypto.randomUUID();
}

/**
 * Sends a form with files, reporting the share sent (0 to 1). The typed client cannot say
 * how far an upload is, so this one uses the older request.
 */
export function sendForm<T>(
  path: string,
  form: FormData,
  options: {
    readonly idempotencyKey: string;
    readonly onSent?: (share: number) => void;
    readonly signal?: AbortSignal;
  },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "json";
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Idempotency-Key", options.idempotencyKey);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) options.onSent?.(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response as T);
      else reject(toProblem(request.status, request.response));
    };
    request.onerror = () => reject(toProblem(0, null));
    request.onabort = () =>
      reject(new ProblemError({ code: "client.aborted", status: 0, detail: "Stopped." }));
    options.signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
