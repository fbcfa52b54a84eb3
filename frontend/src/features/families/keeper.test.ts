import { describe, expect, it, vi } from "vitest";

import { ProblemError, toProblem } from "../../api/problem";
import { Keeper, type Keeping } from "./keeper";

function keeper(answers: (number | Error)[]) {
  vi.useFakeTimers();
  const sent: [string, number][] = [];
  const states: Keeping["state"][] = [];
  const made = new Keeper<string>(
    {
      send: async (thing, version) => {
        sent.push([thing, version]);
        const answer = answers.shift() ?? version + 1;
        if (answer instanceof Error) throw answer;
        return answer;
      },
      onChange: ({ state }) => states.push(state),
      setTimer: (callback, ms) => setTimeout(callback, ms) as unknown as number,
      clearTimer: (timer) => clearTimeout(timer),
    },
    0,
  );
  return { made, sent, states };
}

describe("a keeper", () => {
  it("sends the newest painting once the hand rests, on the version it was told", async () => {
    const { made, sent, states } = keeper([]);
    made.keep("a");
    await vi.advanceTimersByTimeAsync(300);
    made.keep("b");
    await vi.advanceTimersByTimeAsync(2000);
    expect(sent).toEqual([["b", 0]]);
    made.keep("c");
    const flushed = made.flush();
    await vi.advanceTimersByTimeAsync(1);
    await flushed;
    expect(sent.at(-1)).toEqual(["c", 1]);
    expect(states.at(-1)).toBe("kept");
  });

  it("goes on trying while the line is down", async () => {
    const { made, sent, states } = keeper([toProblem(0, null), toProblem(503, null), 7]);
    made.keep("a");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent).toHaveLength(3);
    expect(states).toContain("offline");
    expect(made.version).toBe(7);
    expect(made.isKept).toBe(true);
  });

  it("keeps the painting after a refusal, to insist or to drop", async () => {
    const refusal = new ProblemError({
      code: "workshop.label_changed",
      status: 409,
      detail: "Jonas saved.",
    });
    const { made, sent, states } = keeper([refusal]);
    made.keep("mine");
    await vi.advanceTimersByTimeAsync(1000);
    expect(states.at(-1)).toBe("refused");
    expect(made.isKept).toBe(false);
    made.insist(4);
    await vi.advanceTimersByTimeAsync(10);
    expect(sent.at(-1)).toEqual(["mine", 4]);
    expect(made.version).toBe(5);
    made.keep("again");
    made.drop(9);
    await vi.advanceTimersByTimeAsync(5000);
    expect(sent).toHaveLength(2);
    expect(made.version).toBe(9);
  });
});
