/** The anti-forgery token that Django leaves in a cookie; unsafe requests send it back. */

export function readCookie(cookies: string, name: string): string | null {
  for (const pair of cookies.split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) {
      return decodeURIComponent(pair.slice(at + 1).trim());
    }
  }
  return null;
}

export function csrfToken(): string {
  return readCookie(document.cookie, "csrftoken") ?? "";
}
