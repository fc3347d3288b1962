import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sharedTimers } from "../../src/store/shared-timers.js";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function setUp() {
  const start = sharedTimers();
  const passed: string[] = [];
  return { passed, start: (name: string, inMs: number) => start(performance.now() + inMs, () => passed.push(name)) };
}

const nextTurn = () => vi.advanceTimersByTimeAsync(0);

describe("sharedTimers", () => {
  it("uses one timer for all deadlines that start in one turn, and ends each at its time", async () => {
    const { passed, start } = setUp();
    for (const [name, inMs] of [
      ["a", 100],
      ["b", 100],
      ["c", 130],
      ["d", 160],
    ] as const) {
      start(name, inMs);
    }
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(99);
    expect(passed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(passed).toEqual(["a", "b"]);
    await vi.advanceTimersByTimeAsync(29);
    expect(passed).toEqual(["a", "b"]);
    await vi.advanceTimersByTimeAsync(31);
    expect(passed).toEqual(["a", "b", "c", "d"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("uses another timer for an earlier deadline, and for the next turn", async () => {
    const { passed, start } = setUp();
    start("late", 100);
    start("early", 50);
    expect(vi.getTimerCount()).toBe(2);
    await nextTurn();
    start("next", 100);
    expect(vi.getTimerCount()).toBe(3);
    await vi.advanceTimersByTimeAsync(50);
    expect(passed).toEqual(["early"]);
  });

  it("does not end stopped deadlines, and leaves no timer if all are stopped", async () => {
    const { passed, start } = setUp();
    const stops = ["a", "b", "c"].map((name) => start(name, 100));
    stops[1]?.();
    stops[1]?.();
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(passed).toEqual(["a", "c"]);
    const more = ["d", "e"].map((name) => start(name, 100));
    for (const stop of more) stop();
    expect(vi.getTimerCount()).toBe(0);
    start("f", 100);
    await vi.advanceTimersByTimeAsync(100);
    expect(passed).toEqual(["a", "c", "f"]);
  });

  it("ends a later deadline, even if an earlier one is stopped once or twice after its end", async () => {
    const { passed, start } = setUp();
    const [stop] = [start("a", 100), start("b", 100), start("c", 200)];
    await vi.advanceTimersByTimeAsync(100);
    stop?.();
    stop?.();
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(passed).toEqual(["a", "b", "c"]);
  });

  it("ends a later deadline even if an earlier one was stopped twice", async () => {
    const { passed, start } = setUp();
    const stop = start("a", 100);
    start("b", 200);
    stop();
    stop();
    await vi.advanceTimersByTimeAsync(200);
    expect(passed).toEqual(["b"]);
  });

  it("does not wait for timers that were replaced in the meantime", async () => {
    const { passed, start } = setUp();
    start("lost", 100);
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    await nextTurn();
    start("found", 100);
    await vi.advanceTimersByTimeAsync(100);
    expect(passed).toEqual(["found"]);
  });

  it("uses a timer for each deadline on Workers, where a timer ends with its request", async () => {
    vi.stubGlobal("WebSocketPair", () => {});
    const { passed, start } = setUp();
    start("a", 100);
    start("b", 100);
    expect(vi.getTimerCount()).toBe(2);
    await vi.advanceTimersByTimeAsync(100);
    expect(passed).toEqual(["a", "b"]);
  });
});
