/** What is said about a file that was taken in? */

import { counted } from "../../ui/words";

/** "Imported 3 vectors, 1 left out"; what came in is measured before others see its figures. */
export function importWords(items: readonly { readonly refusal: string | null }[]): string {
  const refused = items.filter(({ refusal }) => refusal !== null).length;
  const taken = items.length - refused;
  if (taken === 0) return "Nothing was imported";
  const rest = refused > 0 ? `, ${refused} left out` : "";
  return `Imported ${counted(taken, "vector")}${rest}`;
}
