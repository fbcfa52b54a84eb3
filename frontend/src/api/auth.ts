/**
 * Signing up, in and out, and what guards an account, over the headless sign-in of the
 * platform. A step that has to come first is told as `StepError`: a second factor, a mail to
 * confirm, the password once more.
 */

import { csrfToken } from "./csrf";
import { ProblemError, asProblem, toProblem } from "./problem";

interface Flow {
  readonly id: string;
  readonly is_pending?: boolean;
}

interface AllauthAnswer {
  readonly status?: number;
  readonly data?: unknown;
  readonly meta?: unknown;
  readonly errors?: readonly {
    readonly message: string;
    readonly code: string;
    readonly param?: string;
  }[];
}

export type Step = "second factor" | "confirm address" | "password again" | "sign in";

/** Something has to happen before this can: `step` says what. */
export class StepError extends Error {
  readonly step: Step;

  constructor(step: Step) {
    super(`First: ${step}`);
    this.step = step;
  }
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

async function call<T = unknown>(
  method: Method,
  path: string,
  body?: object,
  fine: readonly number[] = [],
): Promise<{ data: T; meta: unknown; status: number }> {
  let response: Response;
  try {
    response = await fetch(`/_allauth/browser/v1/${path}`, {
      method,
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...(method === "GET" ? {} : { "X-CSRFToken": csrfToken() }),
        ...(body ? { "Content-Type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  } catch (error) {
    throw asProblem(error);
  }
  const answer = (await response.json().catch(() => null)) as AllauthAnswer | null;
  if (response.ok || fine.includes(response.status)) {
    return { data: answer?.data as T, meta: answer?.meta, status: response.status };
  }
  if (response.status === 401) throw new StepError(stepOf(answer));
  const first = answer?.errors?.[0];
  if (!first) throw toProblem(response.status, answer);
  throw new ProblemError({
    code: `auth.${first.code}`,
    status: response.status,
    detail: authWords(first.code, first.message),
    fields: first.param ? { [first.param]: authWords(first.code, first.message) } : {},
  });
}

/** What an answer of "not yet" waits for. */
export function stepOf(answer: { readonly data?: unknown } | null): Step {
  const flows = ((answer?.data as { flows?: readonly Flow[] } | undefined)?.flows ?? []) as Flow[];
  const pending = flows.find((flow) => flow.is_pending)?.id;
  if (pending === "mfa_authenticate") return "second factor";
  if (pending === "verify_email") return "confirm address";
  if (flows.some((flow) => flow.id === "reauthenticate")) return "password again";
  return "sign in";
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
    case "incorrect_code":
      return "This code is not right, or no longer. Enter the one shown now.";
    case "incorrect_password":
    case "enter_current_password":
      return "This is not your present password.";
    case "invalid_password_reset":
    case "token_invalid":
      return "This link was used already or is too old. Ask for a new one.";
    default:
      return message;
  }
}

// ---- signing in and up -----------------------------------------------------------------

export async function signIn(email: string, password: string): Promise<void> {
  await call("POST", "auth/login", { email, password });
}

export async function enterCode(code: string): Promise<void> {
  await call("POST", "auth/2fa/authenticate", { code });
}

export async function signOut(): Promise<void> {
  // Signing out answers 401: there is no session any more.
  await call("DELETE", "auth/session", undefined, [401]);
}

export async function signUp(email: string, password: string): Promise<void> {
  await call("POST", "auth/signup", { email, password });
}

/** Confirms the address that a mailed link names. */
export async function confirmAddress(key: string): Promise<void> {
  await call("POST", "auth/email/verify", { key }, [401]); // confirmed, but not signed in
}

export async function askForReset(email: string): Promise<void> {
  await call("POST", "auth/password/request", { email });
}

export async function resetPassword(key: string, password: string): Promise<void> {
  await call("POST", "auth/password/reset", { key, password }, [401]); // set, but not signed in
}

export interface Provider {
  readonly id: string;
  readonly name: string;
}

export interface SignInConfig {
  readonly providers: readonly Provider[];
  readonly mayPasswordSignUp: boolean;
}

export async function signInConfig(): Promise<SignInConfig> {
  const { data } = await call<{
    account?: { is_open_for_signup?: boolean };
    socialaccount?: { providers?: readonly Provider[] };
  }>("GET", "config");
  return {
    providers: data.socialaccount?.providers ?? [],
    mayPasswordSignUp: data.account?.is_open_for_signup ?? false,
  };
}

/** Leaves for an identity provider: a form, since the answer is a page of theirs. */
export function leaveForProvider(provider: string, next: string): void {
  const form = document.createElement("form");
  form.method = "POST";
  form.action = "/_allauth/browser/v1/auth/provider/redirect";
  const fields = {
    provider,
    process: "login",
    callback_url: new URL(next, location.origin).href,
    csrfmiddlewaretoken: csrfToken(),
  };
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}

// ---- what guards an account --------------------------------------------------------------

export async function changePassword(current: string, next: string): Promise<void> {
  await call("POST", "account/password/change", {
    current_password: current,
    new_password: next,
  });
}

/** Enters the password once more, which some changes ask for. */
export async function passwordAgain(password: string): Promise<void> {
  await call("POST", "auth/reauthenticate", { password });
}

export interface SecondFactor {
  readonly isOn: boolean;
  /** To be typed into an authenticator app; only while it is off. */
  readonly secret: string | null;
}

export async function secondFactor(): Promise<SecondFactor> {
  const { meta, status } = await call("GET", "account/authenticators/totp", undefined, [404]);
  if (status !== 404) return { isOn: true, secret: null };
  return { isOn: false, secret: (meta as { secret?: string } | undefined)?.secret ?? null };
}

export async function switchSecondFactorOn(code: string): Promise<void> {
  await call("POST", "account/authenticators/totp", { code });
}

export async function switchSecondFactorOff(): Promise<void> {
  await call("DELETE", "account/authenticators/totp");
}

export async function recoveryCodes(): Promise<readonly string[]> {
  const { data } = await call<{ unused_codes?: readonly string[] }>(
    "GET",
    "account/authenticators/recovery-codes",
  );
  return data.unused_codes ?? [];
}

export interface SignIn {
  readonly id: number;
  readonly ip: string;
  readonly user_agent: string;
  readonly is_current: boolean;
  readonly created_at: number;
}

export async function signIns(): Promise<readonly SignIn[]> {
  return (await call<readonly SignIn[]>("GET", "auth/sessions")).data;
}

export async function endSignIns(ids: readonly number[]): Promise<void> {
  await call("DELETE", "auth/sessions", { sessions: ids });
}
