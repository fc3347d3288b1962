import { AsyncLocalStorage } from "node:async_hooks";
import { createLimiter, type Decision, fixedWindow, type Limiter } from "@sluice/core";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { startFaultyProxy } from "./faulty-proxy.js";
import { askAtRate, countOf } from "./load.js";
import { ownServerWithTable } from "./server.js";

const { server, openStore, pause, resume } = await ownServerWithTable();
const proxy = await startFaultyProxy(server.url);
afterAll(() => proxy.stop());
afterEach(() => {
  Object.assign(proxy, { delayMs: 0, silent: false, refusing: false, brokenShare: 0 });
});

const policies = fixedWindow({ limit: 1_000, window: "1h" });
const TIMEOUT_MS = 1_000;

/**
 * A limiter with a separate store and client that have made requests. It has no breaker, since the store's own pace is
 * tested.
 */
async function openLimiter(prefix: string, timeout = TIMEOUT_MS) {
  const { store, client } = openStore({}, { endpoint: proxy.url });
  const patient = createLimiter({ store, policies, prefix, timeout: "10s" });
  for (let i = 0; i < 20; i++) await patient.consume("warm");
  const on = { storeError() {}, storeRecovered() {} };
  return { limiter: createLimiter({ store, policies, prefix, timeout, breaker: false, on }), patient, store, client };
}

/** Measures the time until the store makes most decisions again. Not all of them, since the machine may be busy. */
async function recoveryMs(limiter: Limiter): Promise<number> {
  const startMs = performance.now();
  for (let round = 0; performance.now() - startMs < 10_000; round++) {
    const decisions = await Promise.all(Array.from({ length: 5 }, (_, i) => limiter.consume(`after ${round} ${i}`)));
    if (decisions.filter(({ source }) => source === "store").length >= 3) break;
  }
  return performance.now() - startMs;
}

describe("a DynamoDB that hangs", () => {
  it("gets only single requests, and decides soon after it recovers", async () => {
    const { limiter } = await openLimiter("hangs");
    proxy.silent = true;
    const before = proxy.requests;
    const timed = await askAtRate(limiter, { perSecond: 60, forMs: 3_500, keyOf: (i) => `client ${i}` });
    expect(countOf(timed, "store")).toBe(0);
    expect(Math.max(...timed.map(({ tookMs }) => tookMs))).toBeLessThan(2 * TIMEOUT_MS);
    // The requests of the first timeout, and then probes.
    expect(proxy.requests - before).toBeLessThan((60 * TIMEOUT_MS) / 1_000 + 15);
    proxy.silent = false;
    expect(await recoveryMs(limiter)).toBeLessThan(2_000 + TIMEOUT_MS);
  });

  it("frees the item and the slot of a request that got no answer", async () => {
    const { limiter, patient } = await openLimiter("one item");
    proxy.silent = true;
    await limiter.consume("somebody");
    proxy.silent = false;
    expect(await recoveryMs(limiter)).toBeLessThan(2_000 + TIMEOUT_MS);
    expect(await patient.consume("somebody")).toMatchObject({ source: "store", remaining: 999 });
  });
});

describe("a DynamoDB that refuses connections", () => {
  it("is tried a few times per second, and the connection's error is the cause", async () => {
    const { limiter } = await openLimiter("refuses");
    proxy.refusing = true;
    const before = proxy.connections;
    const timed = await askAtRate(limiter, { perSecond: 100, forMs: 2_000, keyOf: (i) => `client ${i}` });
    // The connections of the first moment, and then probes.
    expect(proxy.connections - before).toBeLessThan(100);
    expect(countOf(timed, "store")).toBe(0);
    for (const { decision } of timed.slice(-50)) {
      expect(decision.error?.cause).toMatchObject({ code: expect.stringMatching(/^ECONN/) });
    }
    proxy.refusing = false;
    expect(await recoveryMs(limiter)).toBeLessThan(2_000 + TIMEOUT_MS);
  });

  it("has the connection's error as the cause while the breaker is open", async () => {
    const { store } = await openLimiter("open breaker");
    const on = { storeError() {}, storeRecovered() {} };
    const limiter = createLimiter({ store, policies, prefix: "open breaker", timeout: TIMEOUT_MS, on });
    proxy.refusing = true;
    const timed = await askAtRate(limiter, { perSecond: 100, forMs: 1_000, keyOf: (i) => `client ${i}` });
    const errors = timed.map(({ decision }) => decision.error).filter((error) => error?.code === "STORE_BREAKER_OPEN");
    expect(errors.length).toBeGreaterThan(10);
    for (const error of errors) {
      expect(error?.cause).toMatchObject({ code: expect.stringMatching(/^ECONN/) });
    }
  });
});

describe("connections that break occasionally", () => {
  it("fail only their own decisions", async () => {
    const { limiter } = await openLimiter("breaks", 5_000);
    proxy.brokenShare = 0.2;
    const decisions = await Promise.all(
      Array.from({ length: 4 }, async (_, caller) => {
        const own: Decision[] = [];
        for (let i = 0; i < 25; i++) own.push(await limiter.consume(`client ${caller} ${i}`));
        return own;
      }),
    );
    const failed = decisions.flat().filter(({ source }) => source !== "store");
    expect(failed).toHaveLength(20);
    for (const { error } of failed) expect(error).toMatchObject({ code: "STORE_FAILED" });
  });
});

describe("policies with different keys", () => {
  it("are charged together, or not at all if there is no time for all of them", async () => {
    const names = ["user", "address", "all"];
    const three = names.map((name) => fixedWindow({ name, limit: 10, window: "1h" }));
    const { store } = await openLimiter("three keys");
    const on = { storeError() {}, storeRecovered() {} };
    const limiter = createLimiter({ store, policies: three, prefix: "three", timeout: 500, on });
    proxy.delayMs = 200;
    const keys = Array.from({ length: 5 }, (_, i) => ({ user: `u${i}`, address: `a${i}`, all: `all${i}` }));
    for (const key of keys) {
      const startMs = performance.now();
      const { source } = await limiter.consume(key);
      expect(source).toBe("failClosed");
      expect(performance.now() - startMs).toBeLessThan(750);
    }
    proxy.delayMs = 0;
    // Late charges are refunded.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const patient = createLimiter({ store, policies: three, prefix: "three", timeout: "10s" });
    for (const key of keys) {
      const { policies: looked } = await patient.peek(key);
      expect(looked.map(({ remaining }) => remaining)).toEqual([10, 10, 10]);
    }
  });
});

describe("a long turn of the event loop", () => {
  it("does not cause timeouts for answers that have arrived", async () => {
    const { store } = openStore();
    const limiter = createLimiter({ store, policies, prefix: "long turn", timeout: TIMEOUT_MS });
    for (let i = 0; i < 20; i++) await limiter.consume("warm");
    pause();
    const asked = Array.from({ length: 5 }, (_, i) => limiter.consume(`client ${i}`));
    await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS / 2));
    resume();
    const endMs = performance.now() + 2 * TIMEOUT_MS;
    while (performance.now() < endMs);
    for (const { source } of await Promise.all(asked)) expect(source).toBe("store");
  });
});

describe("requests to DynamoDB", () => {
  it("are sent outside the context of the request that caused them", async () => {
    const { limiter, client } = await openLimiter("context", 5_000);
    const context = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    client.middlewareStack.add(
      (next) => (args) => {
        seen.push(context.getStore());
        return next(args);
      },
      { step: "initialize", name: "context" },
    );
    await Promise.all([1, 2].map((i) => context.run(`request ${i}`, () => limiter.consume("somebody"))));
    await context.run("request 3", () => limiter.consume("somebody"));
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(new Set(seen)).toEqual(new Set([undefined]));
  });
});
