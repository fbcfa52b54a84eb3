import { describe, expect, it } from "vitest";

import { ProblemError, toProblem } from "../../api/problem";
import { sendWhole } from "./chunks";
import type { Upload } from "./types";

const FILE = new Blob(["0123456789"]);

function server(faults: (Error | null)[] = []) {
  let received = 0;
  const taken: string[] = [];
  const upload = (): Upload => ({
    id: "u",
    project_id: "p",
    file_name: "f",
    kind: "pictures",
    size: FILE.size,
    received,
    chunk_bytes: 4,
    is_whole: received === FILE.size,
  });
  return {
    taken,
    upload,
    lose: (bytes: number) => (received = bytes),
    sender: {
      readUpload: async () => upload(),
      sendChunk: async (_: Upload, offset: number, chunk: Blob) => {
        const fault = faults.shift();
        if (fault) throw fault;
        if (offset !== received) {
          throw new ProblemError({
            code: "workshop.offset",
            status: 409,
            detail: "Go on from there.",
          });
        }
        taken.push(await chunk.text());
        received += chunk.size;
        return upload();
      },
      wait: async () => undefined,
    },
  };
}

const go = (one: ReturnType<typeof server>, begun = one.upload(), bytes: number[] = []) =>
  sendWhole(FILE, begun, one.sender, new AbortController().signal, (sent) => bytes.push(sent));

describe("a file in pieces", () => {
  it("arrives whole and says how much is sent", async () => {
    const one = server();
    const bytes: number[] = [];
    await go(one, one.upload(), bytes);
    expect(one.taken).toEqual(["0123", "4567", "89"]);
    expect(bytes).toEqual([0, 4, 8, 10]);
  });

  it("goes on where an earlier visit stopped, and where the server says", async () => {
    const one = server();
    one.lose(4);
    await go(one);
    expect(one.taken).toEqual(["4567", "89"]);
    const two = server();
    two.lose(8);
    await go(two, { ...two.upload(), received: 0 });
    expect(two.taken).toEqual(["89"]);
  });

  it("waits out a lost line, but not a refusal", async () => {
    const one = server([toProblem(0, null), toProblem(503, null)]);
    expect((await go(one)).is_whole).toBe(true);
    const refusal = new ProblemError({ code: "workshop.size", status: 422, detail: "No." });
    await expect(go(server([refusal]))).rejects.toBe(refusal);
  });
});
