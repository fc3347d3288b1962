import { createLimiter, fixedWindow, type Policy } from "@sluice/core";
import { afterEach, describe, expect, it } from "vitest";
import { policiesOf } from "./policies.js";
import { ownServerWithTable } from "./server.js";

const { openStore, pause, resume } = await ownServerWithTable();
afterEach(() => resume());

const hundredTimes = <T>(call: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 100 }, (_, i) => call(i)));

describe("a server that stops answering", () => {
  it.each([true, false])(
    "is replaced by decisions in time, with failOpen %s, and used again afterwards",
    async (failOpen) => {
      const { store } = openStore();
      const policies = fixedWindow({ limit: 100_000, window: "1h" });
      const limiter = createLimiter({
        store,
        policies,
        prefix: `paused ${failOpen}`,
        failOpen,
        timeout: 150,
        breaker: false,
      });
      while ((await limiter.consume("somebody")).source !== "store");
      pause();
      for (let round = 0; round < 4; round++) {
        const startMs = performance.now();
        const during = await hundredTimes((i) => limiter.consume(round % 2 === 0 ? "somebody" : `client ${i}`));
        expect(performance.now() - startMs).toBeLessThan(1_000);
        for (const { allowed, source } of during) {
          expect([allowed, source]).toEqual([failOpen, failOpen ? "failOpen" : "failClosed"]);
        }
      }
      resume();
      let after = await limiter.consume("somebody");
      for (const endMs = Date.now() + 10_000; after.source !== "store" && Date.now() < endMs; ) {
        after = await limiter.consume("somebody");
      }
      expect(after.source).toBe("store");
      // Only requests that were sent in time may have been charged, and not the two hundred calls.
      expect(100_000 - after.remaining).toBeLessThan(210);
    },
  );

  it("does not charge calls that still waited for a free request", async () => {
    const { store } = openStore({ concurrency: 2 });
    const policies = fixedWindow({ limit: 1_000, window: "1h" });
    const limiter = createLimiter({ store, policies, prefix: "slots", timeout: 150, breaker: false });
    await limiter.consume("warm");
    pause();
    await hundredTimes((i) => limiter.consume(`client ${i}`));
    resume();
    const patient = createLimiter({ store, policies, prefix: "slots", timeout: "10s", breaker: false });
    // A store that was silent is probed before it gets more calls.
    while ((await patient.peek("warm")).source !== "store") await new Promise((resolve) => setTimeout(resolve, 10));
    const left = await hundredTimes(async (i) => (await patient.peek(`client ${i}`)).remaining);
    // Only requests in flight may have been charged: the two slots, and a few more when those two were given up.
    expect(left.filter((remaining) => remaining < 1_000).length).toBeLessThanOrEqual(10);
  });
});

describe("a call whose deadline passes before a request is free", () => {
  it("is not sent", async () => {
    const { store, client, requests } = openStore({ concurrency: 1 });
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        await new Promise((resolve) => setTimeout(resolve, 100));
        return result;
      },
      { step: "deserialize", priority: "low", name: "slow" },
    );
    const policy = fixedWindow({ limit: 10, window: "1h" });
    const decide = (key: string, timeoutMs: number) =>
      store.decide(
        { claims: [{ scope: "late:n:fixed-window:", key, policy, cost: 1 }], charge: true },
        { deadlineMs: performance.now() + timeoutMs },
      );
    const [first, late] = await Promise.allSettled([decide("first", 5_000), decide("late", 30)]);
    expect(first).toMatchObject({ status: "fulfilled", value: { allowed: true } });
    expect(late).toMatchObject({ status: "rejected", reason: { code: "STORE_TIMEOUT" } });
    expect(requests.take()).toEqual({ UpdateItemCommand: 1 });
    await expect(
      store.atomicUpdate("late", () => ({ state: 1, ttlMs: 1_000 }), { deadlineMs: performance.now() - 1 }),
    ).rejects.toMatchObject({
      code: "STORE_TIMEOUT",
    });
    expect(requests.take()).toEqual({});
  });
});

describe("another process that always writes first", () => {
  it.each(["sliding-window", "token-bucket"])(
    "causes STORE_CONTENDED after a bounded number of tries, with %s",
    async (algorithm) => {
      const { store, client, requests } = openStore();
      const policy = (policiesOf[algorithm] as (limit: number) => Policy)(10);
      let races = 0;
      client.middlewareStack.add(
        (next) => (args) => {
          const { input } = args as unknown as { input: { ConditionExpression?: string } };
          if (input.ConditionExpression !== undefined) {
            races++;
            input.ConditionExpression += " AND attribute_exists(never)";
          }
          return next(args);
        },
        { step: "initialize", name: "others" },
      );
      const claim = { scope: `p:n:${algorithm}:`, key: "contended", policy, cost: 1 };
      await expect(store.decide({ claims: [claim], charge: true })).rejects.toMatchObject({ code: "STORE_CONTENDED" });
      expect(races).toBe(100);
      expect(requests.take()).toEqual({ UpdateItemCommand: 100 });
      races = 0;
      await expect(
        store.atomicUpdate("p:contended", () => ({ state: 1, ttlMs: 1_000 }), { deadlineMs: performance.now() + 40 }),
      ).rejects.toMatchObject({ code: "STORE_TIMEOUT" });
      expect(races).toBeLessThan(100);
    },
  );
});
