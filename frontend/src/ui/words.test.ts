import { expect, test } from "vitest";

import {
  counted,
  fileSize,
  hourHeading,
  percent,
  progressWords,
  shortWhen,
  spokenStrength,
  strength,
  timeLeft,
  titled,
  waitingWords,
  when,
} from "./words";

const now = new Date(2026, 2, 9, 14, 30);
const before = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString();

test("strengths carry a sign and a true minus, and nothing at zero", () => {
  expect([strength(0.8), strength(-1.5), strength(0), strength(-0.001)]).toEqual([
    "+0.80",
    "−1.50",
    "0.00",
    "0.00",
  ]);
  expect(spokenStrength(-1.5)).toBe("minus 1.50");
});

test("a percent stands after a space", () => {
  expect(percent(0.976)).toBe("98 %");
  expect(percent(0.114, 1)).toBe("11.4 %");
});

test("one is not many", () => {
  expect([counted(1, "vector"), counted(1342, "vector")]).toEqual(["1 vector", "1,342 vectors"]);
  expect(counted(3, "branch", "branches")).toBe("3 branches");
});

test("part names become titles", () => {
  expect(titled("upper_lip")).toBe("Upper lip");
});

test("times are said as people say them", () => {
  expect(when(before(0.2), now)).toBe("just now");
  expect(when(before(4), now)).toBe("4 min ago");
  expect(when(before(90), now)).toBe("today 13:00");
  expect(when(before(26 * 60), now)).toBe("yesterday 12:30");
  expect(when(new Date(2026, 1, 2, 9).toISOString(), now)).toBe("2 February");
  expect(when(new Date(2025, 1, 2, 9).toISOString(), now)).toBe("2 February 2025");
  expect(shortWhen(before(4), now)).toBe("14:26");
  expect(hourHeading(before(24 * 60), now)).toBe("Yesterday, 14:00");
});

test("time left goes in halves below ten seconds and in fives above", () => {
  expect(timeLeft(1.6)).toBe("about 1.5 s left");
  expect(timeLeft(23)).toBe("about 25 s left");
  expect(timeLeft(0.1)).toBe("about 0.5 s left");
});

test("time left is said from the fifth step on", () => {
  expect(progressWords(4, 30, 3)).toBe("4 of 30 steps");
  expect(progressWords(18, 30, 1.4)).toBe("18 of 30 steps · about 1.5 s left");
  expect(progressWords(30, 30, 0)).toBe("30 of 30 steps");
});

test("waiting tells the place in the queue", () => {
  expect(waitingWords(2, 20)).toBe("Waiting for a free worker. You are 2nd, about 20 s.");
  expect(waitingWords(11)).toBe("Waiting for a free worker. You are 11th.");
  expect(waitingWords(null)).toBe("Waiting for a free worker.");
});

test("file sizes are rounded for people", () => {
  expect([fileSize(512), fileSize(34_000), fileSize(3_400_000)]).toEqual([
    "512 bytes",
    "34 kB",
    "3.4 MB",
  ]);
});
