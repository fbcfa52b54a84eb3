/** What the library shows, as it stands in the address and as the server is asked for it. */

export type VectorSort = "relevance" | "new" | "title" | "used" | "liked";
export type Scope = "all" | "team" | "community";

/** What is either asked for or not, each a name in the address. */
export const SWITCHES = [
  "mine",
  "local",
  "identity",
  "works",
  "commercial",
  "derivatives",
] as const;
export type Switch = (typeof SWITCHES)[number];

export interface LibraryFilter {
  readonly q: string;
  readonly parts: readonly string[];
  readonly tags: readonly string[];
  readonly sort: VectorSort;
  readonly scope: Scope;
  /** The name of a family of pictures; empty for all. */
  readonly family: string;
  readonly on: readonly Switch[];
}

/** Where the filters of measured figures begin; the facets say so with their counts. */
export interface Least {
  readonly least_locality: number;
  readonly least_identity: number;
  readonly least_success: number;
}

const SORTS: readonly VectorSort[] = ["relevance", "new", "title", "used", "liked"];
const SCOPES: readonly Scope[] = ["all", "team", "community"];
export const USUAL_LEAST: Least = {
  least_locality: 0.5,
  least_identity: 0.95,
  least_success: 0.9,
};

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
    scope: SCOPES.find((name) => name === search.get("scope")) ?? "all",
    family: (search.get("family") ?? "").slice(0, 64),
    on: SWITCHES.filter((name) => search.get(name) === "1"),
  };
}

/** The filter as an address. Defaults are left out, so that a plain library has none. */
export function writeFilter(filter: LibraryFilter): URLSearchParams {
  const search = new URLSearchParams();
  if (filter.q) search.set("q", filter.q);
  if (filter.parts.length) search.set("parts", filter.parts.join(","));
  if (filter.tags.length) search.set("tags", filter.tags.join(","));
  if (filter.sort !== (filter.q ? "relevance" : "used")) search.set("sort", filter.sort);
  if (filter.scope !== "all") search.set("scope", filter.scope);
  if (filter.family) search.set("family", filter.family);
  for (const name of filter.on) search.set(name, "1");
  return search;
}

export function isNarrowed(filter: LibraryFilter): boolean {
  const lists = filter.parts.length + filter.tags.length + filter.on.length;
  return filter.q !== "" || lists > 0 || filter.scope !== "all" || filter.family !== "";
}

/** A list with a name put in, or taken out if it was there. */
export function toggled<T extends string>(names: readonly T[], name: T): T[] {
  return names.includes(name) ? names.filter((other) => other !== name) : [...names, name];
}

export function toApiQuery(filter: LibraryFilter, least: Least = USUAL_LEAST) {
  const isOn = (name: Switch) => filter.on.includes(name);
  return {
    q: filter.q,
    parts: filter.parts.join(","),
    tags: filter.tags.join(","),
    sort: filter.sort,
    scope: filter.scope,
    family: filter.family,
    mine: isOn("mine"),
    commercial: isOn("commercial"),
    derivatives: isOn("derivatives"),
    ...(isOn("local") && { least_locality: least.least_locality }),
    ...(isOn("identity") && { least_identity: least.least_identity }),
    ...(isOn("works") && { least_success: least.least_success }),
  };
}
