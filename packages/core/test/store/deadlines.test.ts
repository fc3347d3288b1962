import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDeadlines } from "../../src/store/deadlines.js";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function held<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}

function setUp() {
  const deadlines = createDeadlines(500);
  const results: string[] = [];
  const start = (name: string) => {
    const work = held<string>();
    void deadlines
      .bound(work.promise, {
        answered: (value) => `answered ${value}`,
        unanswered: (error) => `unanswered ${(error as { code?: string }).code ?? error}`,
      })
      .then((result) => results.push(`${name}: ${result}`));
    return work;
  };
  return { results, start };
}

describe("createDeadlines", () => {
  it("passes on results and errors", async () => {
    const { results, start } = setUp();
    start("a").resolve("yes");
    start("b").reject("no");
    await vi.advanceTimersByTimeAsync(0);
    expect(results).toEqual(["a: answered yes", "b: unanswered no"]);
  });

  it("ends nothing early, although a timer counts from the start of its event-loop turn", async () => {
    const { results, start } = setUp();
    vi.spyOn(performance, "now").mockReturnValueOnce(performance.now() + 5);
    start("a");
    await vi.advanceTimersByTimeAsync(504);
    expect(results).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(results).toEqual(["a: unanswered STORE_TIMEOUT"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends each call at its own deadline, in order", async () => {
    const { results, start } = setUp();
    start("a");
    await vi.advanceTimersByTimeAsync(200);
    start("b");
    const c = start("c");
    start("d");
    await vi.advanceTimersByTimeAsync(299);
    expect(results).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(results).toEqual(["a: unanswered STORE_TIMEOUT"]);
    c.resolve("in time");
    await vi.advanceTimersByTimeAsync(199);
    expect(results.slice(1)).toEqual(["c: answered in time"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(results.slice(2)).toEqual(["b: unanswered STORE_TIMEOUT", "d: unanswered STORE_TIMEOUT"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves no timer when all calls have settled", async () => {
    const { start } = setUp();
    const works = Array.from({ length: 5_000 }, (_, i) => start(String(i)));
    for (const work of works.reverse()) work.resolve("yes");
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ignores results that arrive too late", async () => {
    const { results, start } = setUp();
    const [a, b] = [start("a"), start("b")];
    await vi.advanceTimersByTimeAsync(500);
    a.resolve("late");
    b.reject("late");
    await vi.advanceTimersByTimeAsync(0);
    expect(results).toEqual(["a: unanswered STORE_TIMEOUT", "b: unanswered STORE_TIMEOUT"]);
  });

  it("settles a call only once, even if it ends after its deadline", async () => {
    const ends: string[] = [];
    const work = held<string>();
    void createDeadlines(500).bound(work.promise, {
      answered: (value) => ends.push(value),
      unanswered: (error) => ends.push((error as Error).message),
    });
    await vi.advanceTimersByTimeAsync(500);
    work.resolve("late");
    await vi.advanceTimersByTimeAsync(0);
    expect(ends).toEqual(["[sluice] the store did not answer within 500 ms"]);
  });

  it("explains a timeout by the last error of the connection", async () => {
    const reasons: readonly (readonly [cause: unknown, why: string])[] = [
      [new Error("connect ECONNREFUSED"), ": connect ECONNREFUSED"],
      [new AggregateError([]), ": AggregateError"],
      ["not an error", ""],
    ];
    for (const [cause, why] of reasons) {
      const within = createDeadlines(500, () => cause).within(new Promise(() => {}));
      const rejected = expect(within).rejects.toMatchObject({
        code: "STORE_TIMEOUT",
        message: `[sluice] the store did not answer within 500 ms${why}`,
        cause,
      });
      await vi.advanceTimersByTimeAsync(500);
      await rejected;
    }
  });

  it("keeps working after many calls, even if the oldest never settles", async () => {
    const { results, start } = setUp();
    start("oldest");
    for (let i = 0; i < 3_000; i++) {
      start(String(i)).resolve("yes");
      if (i % 100 === 0) await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(500);
    expect(results).toHaveLength(3_001);
    expect(results.at(-1)).toBe("oldest: unanswered STORE_TIMEOUT");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("treats an unreadable answer as an error", async () => {
    const deadlines = createDeadlines(500);
    const bound = deadlines.bound(Promise.resolve(undefined), {
      answered: () => {
        throw new TypeError("no findings");
      },
      unanswered: (error) => String(error),
    });
    expect(await bound).toBe("TypeError: no findings");
  });
});
