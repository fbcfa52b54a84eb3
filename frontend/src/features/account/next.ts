/** Where to go after signing in: only ever a page of ours. */
export function safeNext(wanted: string | null): string {
  if (!wanted || !wanted.startsWith("/") || wanted.startsWith("//") || wanted.includes("\\")) {
    return "/pictures";
  }
  return wanted.startsWith("/sign-in") ? "/pictures" : wanted;
}
