import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Batcher, createBatcher } from "../../src/store/kit/index.js";

const TIMEOUT_MS = 200;

/** A store in fake time. It answers each batch after a round trip, or not at all while it is frozen. */
function setUp(roundTripMs: number, maxInFlight?: number) {
  const store = { roundTripMs, frozen: false, asked: [] as number[] };
  const batcher = createBatcher<number, number>({
    maxInFlight,
    run: (items) =>
      new Promise((resolve) => {
        store.asked.push(items.length);
        if (!store.frozen) setTimeout(() => resolve(items), store.roundTripMs);
      }),
  });
  return { store, batcher };
}

interface Results {
  answered: number;
  late: number;
  refused: number;
}

/** Makes calls one after the other, each with its own deadline. */
async function load(batcher: Batcher<number, number>, calls: number, gapMs: number): Promise<Results> {
  const results: Results = { answered: 0, late: 0, refused: 0 };
  for (let i = 0; i < calls; i++) {
    const deadlineMs = performance.now() + TIMEOUT_MS;
    batcher.add(i, deadlineMs).then(
      () => void (performance.now() < deadlineMs ? results.answered++ : results.late++),
      () => void results.refused++,
    );
    await vi.advanceTimersByTimeAsync(gapMs);
  }
  await vi.advanceTimersByTimeAsync(2 * TIMEOUT_MS);
  return results;
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

describe("a store that answers within the timeout", () => {
  it.each([110, 130, 150])("decides every call if a round trip takes %i ms", async (roundTripMs) => {
    const { batcher } = setUp(roundTripMs);
    expect(await load(batcher, 500, 2)).toEqual({ answered: 500, late: 0, refused: 0 });
  });

  it("decides nearly every call if a round trip takes 180 of 200 ms", async () => {
    const { batcher } = setUp(180);
    const { answered } = await load(batcher, 1_000, 2);
    expect(answered).toBeGreaterThan(970);
  });

  it("decides with ten connections too", async () => {
    const { batcher } = setUp(150, 10);
    expect(await load(batcher, 500, 2)).toEqual({ answered: 500, late: 0, refused: 0 });
  });

  it("gets two large batches at a time if it answers fast", async () => {
    const { batcher, store } = setUp(3);
    await load(batcher, 300, 1);
    expect(store.asked.length).toBeLessThan(260);
    expect(Math.max(...store.asked)).toBeLessThanOrEqual(4);
  });
});

describe("a store that takes longer than the timeout", () => {
  it("gets single calls, and all others are rejected without being sent", async () => {
    const { batcher, store } = setUp(250);
    const { answered, refused } = await load(batcher, 1_000, 2);
    expect(answered).toBe(0);
    expect(refused).toBeGreaterThan(900);
    expect(store.asked.slice(-3)).toEqual([1, 1, 1]);
  });

  it("is considered fast again after its first fast answer", async () => {
    const { batcher, store } = setUp(250);
    await load(batcher, 500, 2);
    store.roundTripMs = 1;
    await load(batcher, 100, 2);
    expect(await load(batcher, 100, 2)).toMatchObject({ answered: 100 });
  });
});

describe("a call whose deadline is too short for the store", () => {
  it.each([50, 100])(
    "is sent if no other call would show whether the store became faster: in %i ms",
    async (leftMs) => {
      const { batcher, store } = setUp(100);
      void batcher.add(0);
      await vi.advanceTimersByTimeAsync(150);
      const deadlineMs = performance.now() + leftMs;
      const calls = [batcher.add(1, performance.now() + 5_000), batcher.add(2, deadlineMs), batcher.add(3, deadlineMs)];
      const settled = Promise.allSettled(calls);
      await vi.advanceTimersByTimeAsync(100);
      expect(store.asked).toEqual([1, 2]);
      expect(await settled).toMatchObject([{ value: 1 }, { value: 2 }, { reason: { code: "STORE_TIMEOUT" } }]);
    },
  );
});

describe("a waiting call", () => {
  it("is checked again when a batch in flight expires, and not before", async () => {
    const { batcher, store } = setUp(1, 1);
    store.frozen = true;
    const startMs = performance.now();
    void batcher.add(0, startMs + TIMEOUT_MS);
    await vi.advanceTimersByTimeAsync(0);
    void batcher.add(1, startMs + 5 * TIMEOUT_MS);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersToNextTimerAsync();
    expect(performance.now() - startMs).toBe(TIMEOUT_MS);
    expect(store.asked).toEqual([1, 1]);
  });

  it("shares one timer with other waiting calls, for their earliest deadline", async () => {
    const { batcher, store } = setUp(1, 1);
    store.frozen = true;
    const startMs = performance.now();
    void batcher.add(0, startMs + TIMEOUT_MS);
    for (const leftMs of [150, 120, 130]) {
      await vi.advanceTimersByTimeAsync(1);
      batcher.add(1, startMs + leftMs).catch(() => {});
    }
    await vi.advanceTimersByTimeAsync(1);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersToNextTimerAsync();
    expect(performance.now() - startMs).toBe(120);
  });
});

describe("a frozen store", () => {
  it("gets a few batches, then single calls with growing gaps", async () => {
    const { batcher, store } = setUp(1);
    await load(batcher, 10, 2);
    store.frozen = true;
    store.asked = [];
    await load(batcher, 5_000, 2);
    expect(store.asked.length).toBeLessThan(40);
    expect(store.asked.slice(-8)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it("decides again within a second of its return, although the lost batches never settle", async () => {
    const { batcher, store } = setUp(1);
    store.frozen = true;
    await load(batcher, 2_000, 2);
    store.frozen = false;
    await load(batcher, 500, 2);
    expect(await load(batcher, 100, 2)).toEqual({ answered: 100, late: 0, refused: 0 });
  });

  it("is called again after a pause, and calls wait for it", async () => {
    const { batcher, store } = setUp(1, 1);
    store.frozen = true;
    void batcher.add(0, performance.now() + 10);
    await vi.advanceTimersByTimeAsync(20);
    const waiting = batcher.add(1, performance.now() + 5_000);
    await vi.advanceTimersByTimeAsync(79);
    expect(store.asked).toEqual([1]);
    store.frozen = false;
    await vi.advanceTimersByTimeAsync(2);
    expect(await waiting).toBe(1);
  });

  it("leaves no caller without an answer, even if no other call follows", async () => {
    const { batcher, store } = setUp(1, 1);
    store.frozen = true;
    void batcher.add(0, performance.now() + TIMEOUT_MS);
    await vi.advanceTimersByTimeAsync(1);
    const waiting = expect(batcher.add(1, performance.now() + 50)).rejects.toMatchObject({ code: "STORE_TIMEOUT" });
    await vi.advanceTimersByTimeAsync(60);
    await waiting;
  });
});

describe("a store that fails immediately", () => {
  it("gets a few calls per second, fails all others immediately, and decides again within a second of its return", async () => {
    let [down, asked] = [true, 0];
    const refused = new Error("connect ECONNREFUSED");
    const batcher = createBatcher<number, number>({
      run: async (items) => {
        asked++;
        if (down) throw refused;
        return items;
      },
    });
    const reasons = new Set<unknown>();
    for (let i = 0; i < 5_000; i++) {
      const startMs = performance.now();
      await batcher.add(i, startMs + TIMEOUT_MS).catch((error) => reasons.add(error));
      expect(performance.now() - startMs).toBe(0);
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(asked).toBeLessThan(20);
    expect([...reasons]).toEqual([refused]);
    down = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await load(batcher, 100, 2)).toEqual({ answered: 100, late: 0, refused: 0 });
  });

  it("is called without a pause if its failures are few", async () => {
    let asked = 0;
    const batcher = createBatcher<number, number>({
      run: async (items) => {
        asked++;
        if (asked % 5 !== 0) throw new Error("throttled");
        return items;
      },
    });
    for (let i = 0; i < 100; i++) await batcher.add(i).catch(() => {});
    expect(asked).toBe(100);
  });
});

describe("a batch", () => {
  it("does not run in the AsyncLocalStorage of any request", async () => {
    vi.useRealTimers();
    const requests = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const batcher = createBatcher<number, number>({
      run: async (items) => {
        seen.push(requests.getStore());
        return items;
      },
    });
    const request = (name: string) =>
      requests.run(name, async () => {
        await batcher.add(1);
        return requests.getStore();
      });
    expect(await Promise.all([request("first"), request("second")])).toEqual(["first", "second"]);
    expect(seen).toEqual([undefined]);
  });

  it("is sent under fake timers of every kind, and after real ones return", async () => {
    vi.useRealTimers();
    const batcher = createBatcher<number, number>({ run: async (items) => items });
    for (let round = 0; round < 3; round++) {
      vi.useFakeTimers({ toFake: ["setTimeout", "setImmediate", "queueMicrotask", "performance", "Date"] });
      expect(await batcher.add(round, performance.now() + 50)).toBe(round);
      const pending = batcher.add(round);
      vi.useRealTimers();
      expect(await pending).toBe(round);
      await setImmediate();
      expect(await Promise.all([1, 2, 3].map((item) => batcher.add(item, performance.now() + 50)))).toEqual([1, 2, 3]);
    }
  });
});
