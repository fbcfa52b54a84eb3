/** What went wrong, in words for the person: problem documents and lost connections. */

import type { components } from "./schema.gen";

type ProblemDocument = components["schemas"]["Problem"];

/** A refusal or fault of the platform. `code` is stable, `message` is for people. */
export class ProblemError extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly reference: string | null;

  constructor(problem: {
    code: string;
    status: number;
    detail: string;
    fields?: Readonly<Record<string, string>>;
    reference?: string | null;
  }) {
    super(problem.detail);
    this.name = "ProblemError";
    this.code = problem.code;
    this.status = problem.status;
    this.fields = problem.fields ?? {};
    this.reference = problem.reference ?? null;
  }
}

const OFFLINE = "Atelier cannot be reached. Check the connection; this tries again by itself.";
const FAULT = "Something failed on our side. Try again; if it stays, tell us the reference.";

function isDocument(body: unknown): body is Partial<ProblemDocument> & { detail: string } {
  return (
    typeof body === "object" &&
    body !== null &&
    "detail" in body &&
    typeof body.detail === "string" &&
    body.detail !== ""
  );
}

/** The fields of a problem as plain sentences, whichever of both shapes they come in. */
function sentences(fields: unknown): Record<string, string> {
  if (typeof fields !== "object" || fields === null) return {};
  const found: Record<string, string> = {};
  for (const [name, said] of Object.entries(fields)) {
    if (typeof said === "string") found[name] = said;
    else if (Array.isArray(said) && typeof said[0] === "string") found[name] = said[0];
  }
  return found;
}

/** The typed error for an answer that was not a success. `body` is what could be read. */
export function toProblem(status: number, body: unknown): ProblemError {
  if (isDocument(body)) {
    return new ProblemError({
      code: body.code ?? `http.${status}`,
      status,
      detail: body.detail,
      fields: sentences(body.fields),
      reference: body.reference ?? null,
    });
  }
  if (status === 0 || status === 502 || status === 503 || status === 504) {
    return new ProblemError({ code: "client.unreachable", status, detail: OFFLINE });
  }
  if (status === 413) {
    return new ProblemError({
      code: "client.too_large",
      status,
      detail: "This file is too large. The most is 25 MB; make it smaller and try again.",
    });
  }
  return new ProblemError({ code: `http.${status}`, status, detail: FAULT });
}

/** Any thrown value as a problem, so that a screen always has a sentence to show. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof TypeError) return toProblem(0, null); // fetch: no connection
  return new ProblemError({ code: "client.fault", status: 0, detail: FAULT });
}

/** Whether asking again may help. Refusals stay refusals. */
export function mayRetry(error: unknown): boolean {
  const { status } = asProblem(error);
  return status === 0 || status >= 502;
}
