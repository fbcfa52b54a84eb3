import { expect, test } from "vitest";

import { safeNext } from "../features/account/next";
import { isNarrowed, readFilter, toApiQuery, toggled, writeFilter } from "./libraryFilter";

test("a filter survives its way through the address", () => {
  const filter = {
    q: "warm smile",
    parts: ["upper_lip", "hair"],
    tags: ["mouth corners"],
    sort: "new" as const,
    scope: "community" as const,
    family: "portraits",
    on: ["mine", "local"] as const,
  };

  expect(readFilter(new URLSearchParams(writeFilter(filter).toString()))).toEqual(filter);
});

test("an untouched library has a bare address", () => {
  expect(writeFilter(readFilter(new URLSearchParams())).toString()).toBe("");
  expect(isNarrowed(readFilter(new URLSearchParams()))).toBe(false);
});

test("what cannot be read in an address falls back to its default", () => {
  const filter = readFilter(new URLSearchParams("sort=stars&parts=,hair,,hair&mine=yes"));

  expect(filter).toEqual({
    q: "",
    parts: ["hair"],
    tags: [],
    sort: "used",
    scope: "all",
    family: "",
    on: [],
  });
});

test("typing sorts by match unless another order was chosen", () => {
  expect(readFilter(new URLSearchParams("q=smile")).sort).toBe("relevance");
  expect(readFilter(new URLSearchParams("q=smile&sort=title")).sort).toBe("title");
});

test("a name goes in, and out when it was in", () => {
  expect(toggled(["hair"], "nose")).toEqual(["hair", "nose"]);
  expect(toggled(["hair", "nose"], "hair")).toEqual(["nose"]);
});

test("lists go to the server with commas", () => {
  expect(toApiQuery(readFilter(new URLSearchParams("parts=hair,nose"))).parts).toBe("hair,nose");
});

test("a measured filter goes to the server with the figure it begins at", () => {
  const query = toApiQuery(readFilter(new URLSearchParams("works=1&scope=team")));

  expect(query).toMatchObject({ least_success: 0.9, scope: "team", mine: false });
  expect(query).not.toHaveProperty("least_identity");
});

test("after signing in one only ever lands on a page of ours", () => {
  expect(safeNext("/pictures/1/history?a=2")).toBe("/pictures/1/history?a=2");
  for (const bad of [
    "//evil.example",
    "https://evil.example",
    "/\\evil",
    null,
    "/sign-in?next=/",
  ]) {
    expect(safeNext(bad)).toBe("/pictures");
  }
});
