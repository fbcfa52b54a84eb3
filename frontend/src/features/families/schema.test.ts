import { describe, expect, it } from "vitest";

import {
  addPart,
  changePart,
  draftOf,
  faults,
  movePart,
  nameOf,
  nextColor,
  removePart,
} from "./schema";

const part = (id: number, title: string, color: string, is_background = false) => ({
  id,
  name: nameOf(title),
  title,
  color,
  group: "",
  is_background,
});
const DRAFT = draftOf([
  part(0, "Background", "#2E3B74", true),
  part(3, "Skin", "#BACBAB"),
  part(7, "Hair", "#622601"),
]);

describe("names", () => {
  it("are made of titles", () => {
    expect(nameOf("Brow, left")).toBe("brow_left");
    expect(nameOf("  Ärmel ")).toBe("armel");
    expect(nameOf("2nd wheel")).toBe("part_2nd_wheel");
    expect(nameOf("…")).toBe("");
  });

  it("follow the title of a new part and stay for a part with labels", () => {
    const added = addPart(DRAFT);
    expect(changePart(added, 3, { title: "Left ear" }).parts[3]?.name).toBe("left_ear");
    expect(changePart(added, 1, { title: "Face" }).parts[1]).toMatchObject({
      id: 3,
      name: "skin",
      title: "Face",
    });
  });
});

describe("a changed list", () => {
  it("moves a part without changing any id", () => {
    expect(movePart(DRAFT, 2, -1).parts.map(({ id }) => id)).toEqual([0, 7, 3]);
    expect(movePart(DRAFT, 0, -1).parts.map(({ id }) => id)).toEqual([0, 3, 7]);
  });

  it("says what becomes of the pixels of a removed part, also over two removals", () => {
    const once = removePart(DRAFT, 2, 3);
    expect(once.merged).toEqual({ "7": 3 });
    const twice = removePart(once, 1, null);
    expect(twice.merged).toEqual({ "7": null, "3": null });
    expect(twice.parts.map(({ id }) => id)).toEqual([0]);
  });

  it("asks nothing about a part that was never saved", () => {
    expect(removePart(addPart(DRAFT), 3, null).merged).toEqual({});
  });

  it("has one background", () => {
    const changed = changePart(DRAFT, 1, { is_background: true });
    expect(changed.parts.map(({ is_background }) => is_background)).toEqual([false, true, false]);
  });
});

describe("faults", () => {
  it("has none to find in a good list", () => {
    expect(faults(DRAFT)).toEqual([]);
  });

  it("are named at the part that has them", () => {
    const same = changePart(changePart(DRAFT, 2, { color: "#bacbab" }), 1, { title: "background" });
    expect(faults(same).map(({ at }) => at)).toEqual([1, 2]);
    expect(faults(same)[1]?.words).toContain("colour as “background”");
    expect(faults(changePart(DRAFT, 1, { title: " " }))[0]).toMatchObject({ at: 1 });
  });

  it("of the whole list: too few parts, no background", () => {
    const bare = { parts: DRAFT.parts.slice(1, 2), merged: {} };
    expect(faults(bare).map(({ at }) => at)).toEqual([null, null]);
  });
});

describe("the next colour", () => {
  it("is never one that is taken, for far more parts than the palette has", () => {
    const taken: string[] = [];
    for (let i = 0; i < 60; i++) taken.push(nextColor(taken));
    expect(new Set(taken).size).toBe(60);
    expect(taken.every((color) => /^#[0-9A-F]{6}$/.test(color))).toBe(true);
  });
});
