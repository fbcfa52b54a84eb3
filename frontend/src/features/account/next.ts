/** Where to go after signing in: only ever a page of ours. */
export function safeNext(wanted: string | null): string {
  if (!wanted || !wanted.startsWith("/") || wanted.startsWith("//") || wanted.includes("\\")) {
    return "/pictures";
  }
  return wanted.startsWith("/sign-in") ? "/pictures" : wanted;
}

/** Whether an address is one of the operators' pages, which are no part of this application. */
export function isOfOperators(path: string): boolean {
  return path === "/operators" || path.startsWith("/operators/");
}

const KEY = "atelier.next";

/** Remembers where somebody wanted to go, over the way through their mailbox. */
export function keepNext(path: string): void {
  if (path !== "/pictures") localStorage.setItem(KEY, path);
}

/** Returns what was remembered, once. */
export function takeNext(): string | null {
  const kept = localStorage.getItem(KEY);
  localStorage.removeItem(KEY);
  return kept ? safeNext(kept) : null;
}
