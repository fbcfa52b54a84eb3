/** Signing in and out, over the headless sign-in of the platform. */

import { csrfToken } from "./csrf";
import { ProblemError, asProblem, toProblem } from "./problem";

interface AllauthAnswer {
  readonly errors?: readonly {
    readonly message: string;
    readonly code: string;
    readonly param?: string;
  }[];
}

async function call(method: "POST" | "DELETE", path: string, body?: object): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`/_allauth/browser/v1/${path}`, {
      method,
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        "X-CSRFToken": csrfToken(),
        ...(body ? { "Content-Type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  } catch (error) {
    throw asProblem(error);
  }
  // Signing out answers 401: there is no session any more.
  if (response.ok || (method === "DELETE" && response.status === 401)) return;
  const answer = (await response.json().catch(() => null)) as AllauthAnswer | null;
  const first = answer?.errors?.[0];
  if (!first) throw toProblem(response.status, answer);
  throw new ProblemError({
    code: `auth.${first.code}`,
    status: response.status,
    detail: authWords(first.code, first.message),
    fields: first.param ? { [first.param]: authWords(first.code, first.message) } : {},
  });
}

/** Our sentence for a sign-in error; the server's own where we have none. */
export function authWords(code: string, message: string): string {
  switch (code) {
    case "email_password_mismatch":
      return "This address and password do not belong together. Check both and try again.";
    case "too_many_login_attempts":
    case "rate_limited":
      return "That was too many tries. Wait a few minutes, then try again.";
    case "required":
      return "Fill in this field.";
    default:
      return message;
  }
}

export function signIn(email: string, password: string): Promise<void> {
  return call("POST", "auth/login", { email, password });
}

export function signOut(): Promise<void> {
  return call("DELETE", "auth/session");
}

export function changePassword(current: string, next: string): Promise<void> {
  return call("POST", "account/password/change", {
    current_password: current,
    new_password: next,
  });
}
