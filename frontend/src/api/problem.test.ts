import { expect, test } from "vitest";

import { authWords } from "./auth";
import { readCookie } from "./csrf";
import { topicOf } from "./events";
import { asProblem, mayRetry, toProblem } from "./problem";

test("a problem document keeps its sentence, code, fields and reference", () => {
  const problem = toProblem(422, {
    type: "urn:x",
    title: "Refused",
    status: 422,
    code: "images.unreadable",
    detail: "This file is not a picture we can read. Use PNG, JPEG or WebP.",
    fields: { file: ["Not a picture."], name: "Too long." },
    reference: "ab12",
  });

  expect(problem.message).toBe("This file is not a picture we can read. Use PNG, JPEG or WebP.");
  expect(problem.code).toBe("images.unreadable");
  expect(problem.fields).toEqual({ file: "Not a picture.", name: "Too long." });
  expect(problem.reference).toBe("ab12");
});

test("an answer that is no problem document still has a sentence", () => {
  expect(toProblem(500, "<h1>Server Error</h1>").message).not.toBe("");
  expect(toProblem(413, null).message).toMatch(/too large/);
  expect(toProblem(502, null).code).toBe("client.unreachable");
});

test("a lost connection may be tried again, a refusal may not", () => {
  expect(mayRetry(new TypeError("Failed to fetch"))).toBe(true);
  expect(mayRetry(toProblem(503, null))).toBe(true);
  expect(mayRetry(toProblem(422, { detail: "No." }))).toBe(false);
  expect(asProblem(new RangeError("x")).code).toBe("client.fault");
});

test("the anti-forgery token is read from among other cookies", () => {
  expect(readCookie("theme=dark; csrftoken=a%3Db; x=1", "csrftoken")).toBe("a=b");
  expect(readCookie("xcsrftoken=1", "csrftoken")).toBeNull();
});

test("events of a known topic are heard, everything else is ignored", () => {
  expect(topicOf('{"type":"team","topic":"library","object_id":"1"}')).toBe("library");
  expect(topicOf('{"type":"team","topic":"weather"}')).toBeNull();
  expect(topicOf("not json")).toBeNull();
});

test("a wrong password is said in our words, the unknown in the server's", () => {
  expect(authWords("email_password_mismatch", "x")).toMatch(/do not belong together/);
  expect(authWords("something_new", "Said by the server.")).toBe("Said by the server.");
});
