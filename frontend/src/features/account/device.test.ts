import { expect, test } from "vitest";

import { stepOf } from "../../api/auth";
import { deviceOf } from "./device";
import { isOfOperators, safeNext } from "./next";

test("a browser is named by its most particular mark", () => {
  const edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140";
  expect(deviceOf(edge)).toBe("Edge on Windows");
  expect(deviceOf("Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile Safari/537.36")).toBe(
    "Chrome on Android",
  );
  expect(deviceOf("curl/8")).toBe("A browser");
});

test("what sign-in waits for is told apart", () => {
  const flows = (...list: object[]) => ({ data: { flows: list } });
  expect(stepOf(flows({ id: "login" }, { id: "mfa_authenticate", is_pending: true }))).toBe(
    "second factor",
  );
  expect(stepOf(flows({ id: "verify_email", is_pending: true }))).toBe("confirm address");
  expect(stepOf(flows({ id: "reauthenticate" }))).toBe("password again");
  expect(stepOf(null)).toBe("sign in");
});

test("after signing in one lands on a page of ours", () => {
  expect(safeNext("/join/abc")).toBe("/join/abc");
  expect(safeNext("//evil.example")).toBe("/pictures");
  expect(safeNext("https://evil.example")).toBe("/pictures");
  expect(isOfOperators("/operators/")).toBe(true);
  expect(isOfOperators("/operatorsx")).toBe(false);
});
