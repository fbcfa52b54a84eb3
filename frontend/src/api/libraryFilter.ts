/** What the library shows, as it stands in the address and as the server is asked for it. */

export type VectorSort = "relevance" | "new" | "title" | "used";

export interface LibraryFilter {
  readonly q: string;
  readonly parts: readonly string[];
  readonly tags: readonly string[];
  readonly sort: VectorSort;
  readonly mine: boolean;
}

const SORTS: readonly VectorSort[] = ["relevance", "new", "title", "used"];

function list(value: string | null): string[] {
  const names = (value ?? "").split(",").map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ""))];
}

/** The filter in an address. What cannot be read falls back to its default. */
export function readFilter(search: URLSearchParams): LibraryFilter {
  const sort = SORTS.find((name) => name === search.get("sort"));
  const q = (search.get("q") ?? "").slice(0, 200);
  return {
    q,
    parts: list(search.get("parts")),
    tags: list(search.get("tags")),
    sort: sort ?? (q ? "relevance" : "used"),
    mine: search.get("mine") === "1",
  };
}

/** The filter as an address. Defaults are left out, so that a plain library has none. */
export function writeFilter(filter: LibraryFilter): URLSearchParams {
  const search = new URLSearchParams();
  if (filter.q) search.set("q", filter.q);
  if (filter.parts.length) search.set("parts", filter.parts.join(","));
  if (filter.tags.length) search.set("tags", filter.tags.join(","));
  if (filter.sort !== (filter.q ? "relevance" : "used")) search.set("sort", filter.sort);
  if (filter.mine) search.set("mine", "1");
  return search;
}

export function isNarrowed(filter: LibraryFilter): boolean {
  return filter.q !== "" || filter.parts.length > 0 || filter.tags.length > 0 || filter.mine;
}

/** A list with a name put in, or taken out if it was there. */
export function toggled(names: readonly string[], name: string): string[] {
  return names.includes(name) ? names.filter((other) => other !== name) : [...names, name];
}

export function toApiQuery(filter: LibraryFilter) {
  return {
    q: filter.q,
    parts: filter.parts.join(","),
    tags: filter.tags.join(","),
    sort: filter.sort,
    mine: filter.mine,
  };
}
