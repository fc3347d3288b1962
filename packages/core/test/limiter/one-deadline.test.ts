import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type CallOptions, createLimiter, escalatingBlock, fixedWindow, type Store } from "../../src/index.js";
import { createDeadlines } from "../../src/store/deadlines.js";
import { createUpdater, type DecidingStore } from "../../src/store/index.js";
import { mapStore, threeMethodStore } from "../fixtures/map-store.js";

const ROUND_TRIP_MS = 90;
const TIMEOUT_MS = 200;

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A store that takes one round trip for each call. */
function slowStore<S extends Store>(store: S, sent: (options: CallOptions | undefined) => void): S {
  return {
    ...store,
    async atomicUpdate(...args: Parameters<Store["atomicUpdate"]>) {
      sent(args[2]);
      await delay(ROUND_TRIP_MS);
      return store.atomicUpdate(...args);
    },
    ...("decide" in store && {
      async decide(...args: Parameters<DecidingStore["decide"]>) {
        sent(args[1]);
        await delay(ROUND_TRIP_MS);
        return (store as unknown as DecidingStore).decide(...args);
      },
    }),
  };
}

afterEach(() => void vi.useRealTimers());

describe("one deadline", () => {
  it("covers a denial and the automatic block that it causes", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const deadlines = new Set<number | undefined>();
    const limiter = createLimiter({
      store: slowStore(mapStore(), (options) => deadlines.add(options?.deadlineMs)),
      policies: fixedWindow({ limit: 1, window: "1h" }),
      timeout: TIMEOUT_MS,
      autoBlock: escalatingBlock({ after: 1, within: "1h", duration: "1h" }),
    });
    const first = limiter.consume("k");
    await vi.advanceTimersByTimeAsync(1_000);
    await first;
    deadlines.clear();
    const startMs = performance.now();
    const denied = limiter.consume("k").then((decision) => ({ decision, tookMs: performance.now() - startMs }));
    await vi.advanceTimersByTimeAsync(1_000);
    const { decision, tookMs } = await denied;
    expect(decision).toMatchObject({ allowed: false, source: "store" });
    expect(tookMs).toBeLessThanOrEqual(TIMEOUT_MS + 1);
    expect(deadlines.size).toBe(1);
  });

  it("covers all policies with different keys, and refunds the charges when it passes", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const inner = threeMethodStore();
    const policy = (name: string) => fixedWindow({ name, limit: 10, window: "1h" });
    const policies = [policy("a"), policy("b"), policy("c")];
    const limiter = createLimiter({ store: slowStore(inner, () => {}), policies, timeout: 4 * ROUND_TRIP_MS - 20 });
    const key = { a: "1", b: "2", c: "3" };
    const deciding = limiter.consume(key);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await deciding).toMatchObject({ source: "failClosed", error: { code: "STORE_TIMEOUT" } });
    vi.useRealTimers();
    const left = await createLimiter({ store: inner, policies }).peek(key);
    expect(left.policies.map(({ remaining }) => remaining)).toEqual([10, 10, 10]);
  });
});

describe("an answer that arrives while the event loop is blocked", () => {
  it("is used, although timers run before sockets", async () => {
    const echo = `const { parentPort } = require("node:worker_threads");
      parentPort.on("message", () => parentPort.postMessage("answer"));`;
    const worker = new Worker(echo, { eval: true });
    try {
      worker.postMessage("warm up");
      await once(worker, "message");
      const answer = once(worker, "message");
      worker.postMessage("question");
      const bound = createDeadlines(100).bound(answer, {
        answered: () => "answered",
        unanswered: () => "unanswered",
      });
      const endMs = performance.now() + 300;
      while (performance.now() < endMs);
      expect(await bound).toBe("answered");
    } finally {
      await worker.terminate();
    }
  });
});

describe("updates of one key", () => {
  it("share a write while they are queued", async () => {
    let [state, version, calls] = [0, 0, 0];
    const update = createUpdater(async (_, write) => {
      calls++;
      const written = write !== undefined && write.over === String(version);
      const seen = { written, nowMs: 0, state, version: String(version) };
      if (written) [state, version] = [write.state as number, version + 1];
      return seen;
    });
    const addOne = (before: number | undefined) => ({ state: (before ?? 0) + 1, ttlMs: 1_000 });
    const states = await Promise.all(Array.from({ length: 100 }, () => update("k", addOne, undefined)));
    expect(states).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(calls).toBeLessThanOrEqual(4);
  });

  it("fail alone if their own change throws", async () => {
    let state: unknown;
    const update = createUpdater(async (_, write) => {
      const seen = { written: write !== undefined, nowMs: 0, state, version: "" };
      if (write !== undefined) state = write.state;
      return seen;
    });
    const boom = new Error("boom");
    const fail = () => {
      throw boom;
    };
    const settled = await Promise.allSettled([
      update<number>("k", () => ({ state: 1, ttlMs: 1 }), undefined),
      update("k", fail, undefined),
      update<number>("k", (before) => ({ state: (before ?? 0) + 1, ttlMs: 1 }), undefined),
    ]);
    expect(settled).toMatchObject([{ value: 1 }, { reason: boom }, { value: 2 }]);
  });

  it("leave no queue while the store is frozen", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    let sent = 0;
    const update = createUpdater(() => {
      sent++;
      return new Promise(() => {});
    });
    let [pending, rejected] = [0, 0];
    for (let i = 0; i < 2_000; i++) {
      pending++;
      update("k", () => undefined, { deadlineMs: performance.now() + 200 }).catch(() => {
        pending--;
        rejected++;
      });
      await vi.advanceTimersByTimeAsync(5);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    // Only updates that were sent are still pending.
    expect(pending).toBe(sent);
    expect(sent).toBeLessThan(25);
    expect(rejected).toBeGreaterThan(1_970);
  });
});
