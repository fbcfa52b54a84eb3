/** Which vectors, how strongly, as it stands in the address of a page; and how far a run is. */

import type { VectorUse } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { counted } from "../../ui/words";

const MOST = 8;
const NAME = /^[0-9a-f-]{36}$/;

/** The stack as a part of an address: `use=<version>:<strength>`, once for each. */
export function writeUses(uses: readonly VectorUse[]): URLSearchParams {
  return new URLSearchParams(
    uses.map((use) => ["use", `${use.edit_vector_version_id}:${use.strength}`]),
  );
}

/** The stack in an address; what cannot be read is left out. */
export function readUses(search: URLSearchParams): VectorUse[] {
  const uses = new Map<string, VectorUse>();
  for (const text of search.getAll("use")) {
    const [name = "", figure = ""] = text.split(":");
    const strength = Number(figure);
    if (!NAME.test(name) || figure === "" || !(Math.abs(strength) <= 2)) continue;
    uses.set(name, { edit_vector_version_id: name, strength });
  }
  return [...uses.values()].slice(0, MOST);
}

type Run = Pick<
  components["schemas"]["RunOut"],
  "num_pictures" | "num_done" | "num_failed" | "num_canceled" | "is_over"
>;

/** "87 of 100 pictures, 2 failed". */
export function runWords(run: Run): string {
  const { num_pictures, num_done, num_failed, num_canceled } = run;
  const words = [`${num_done} of ${counted(num_pictures, "picture")}`];
  if (num_failed > 0) words.push(`${num_failed} failed`);
  if (num_canceled > 0) words.push(`${num_canceled} stopped`);
  return words.join(", ");
}

/** The share of a run that needs no more work, 0 to 1. */
export function runShare(run: Run): number {
  const over = run.num_done + run.num_failed + run.num_canceled;
  return run.num_pictures === 0 ? 0 : over / run.num_pictures;
}
