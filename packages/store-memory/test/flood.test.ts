import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createLimiter, fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryStore } from "../src/index.js";

const START_MS = 1_700_000_000_000;
const LIMIT = 5;

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS, toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const policies: readonly Policy[] = [
  tokenBucket({ rate: LIMIT, interval: "1h" }),
  fixedWindow({ limit: LIMIT, window: "1h" }),
  slidingWindow({ limit: LIMIT, window: "1h" }),
  slidingLog({ limit: LIMIT, window: "1h" }),
];

/** Limiters on a bounded store, and on one that never evicts. */
function twins(maxKeys: number, policy: Policy) {
  const bounded = createLimiter({ store: memoryStore({ maxKeys }), policies: policy });
  const unbounded = createLimiter({ store: memoryStore(), policies: policy });
  return {
    bounded,
    ask(key: string): { early: boolean } {
      const { allowed } = bounded.decide(key) as { allowed: boolean };
      return { early: allowed && !(unbounded.decide(key) as { allowed: boolean }).allowed };
    },
  };
}

describe("a flood of new keys", () => {
  it.each(policies)("allows no early request for 300 exhausted keys, with $algorithm", (policy) => {
    const { bounded, ask } = twins(2_000, policy);
    const victims = Array.from({ length: 300 }, (_, i) => `victim ${i}`);
    for (const victim of victims) for (let i = 0; i < LIMIT; i++) ask(victim);
    for (let i = 0; i < 8_000; i++) bounded.decide(`flood ${i}`);
    expect(victims.filter((victim) => ask(victim).early)).toEqual([]);
  });

  it.each(policies)(
    "allows no early request of clients that send requests during the whole window, with $algorithm",
    (policy) => {
      const { bounded, ask } = twins(2_000, policy);
      const victims = Array.from({ length: 200 }, (_, i) => `victim ${i}`);
      for (const victim of victims) for (let i = 0; i < LIMIT; i++) ask(victim);
      let early = 0;
      for (let i = 0; i < 8_000; i++) {
        vi.setSystemTime(START_MS + i * 400);
        bounded.decide(`flood ${i}`);
        if (i % 10 === 0 && ask(`victim ${(i / 10) % 200}`).early) early++;
      }
      expect(early).toBe(0);
    },
  );

  it("repeatedly evicts the only key that is not exhausted", () => {
    const { bounded, ask } = twins(500, policies[1] as Policy);
    for (let i = 0; i < 499; i++) for (let n = 0; n < LIMIT; n++) ask(`victim ${i}`);
    for (let i = 0; i < 2_000; i++) bounded.decide(`flood ${i}`);
    for (let i = 0; i < 499; i++) expect(ask(`victim ${i}`)).toEqual({ early: false });
  });

  it("evicts an exhausted key as soon as it is refunded or reset", async () => {
    const store = memoryStore({ maxKeys: 3 });
    const limiter = createLimiter({ store, policies: policies[1] as Policy });
    for (let n = 0; n < LIMIT; n++) limiter.decide("exhausted");
    const charges = Array.from({ length: LIMIT }, () => limiter.decide("refunded"));
    for (const charge of charges.slice(0, 4)) await limiter.refund(await charge);
    limiter.decide("light", { cost: 4 });
    vi.setSystemTime(START_MS + 1);
    for (let i = 0; i < 10; i++) limiter.decide(`flood ${i}`);
    const keys: string[] = [];
    for await (const { key } of store.exportEntries()) keys.push(key.split(":").at(-1) as string);
    expect(keys).toContain("exhausted");
    expect(keys).not.toContain("refunded");
  });

  it("does not evict keys with only blocks or records before keys that are not exhausted", async () => {
    const store = memoryStore({ maxKeys: 100 });
    const limiter = createLimiter({ store, policies: policies[0] as Policy });
    for (let i = 0; i < 40; i++) {
      await store.atomicUpdate(`sluice:blocks:record:${i}`, () => ({ state: [1, i], ttlMs: 60_000 }));
      await store.atomicUpdate(`sluice:default:token-bucket:foreign ${i}`, () => ({ state: "text", ttlMs: 60_000 }));
      if (i === 25) limiter.decide("judged");
    }
    for (let i = 0; i < 1_000; i++) limiter.decide(`flood ${i}`);
    for (let i = 0; i < 40; i++) {
      expect(await store.atomicUpdate(`sluice:blocks:record:${i}`, () => undefined)).toEqual([1, i]);
    }
  });
});

describe("a policy name for each tenant", () => {
  it("takes no more memory than maxKeys entries", async () => {
    const store = memoryStore({ maxKeys: 100 });
    const scopes = async () => {
      const found = new Set<string>();
      for await (const { key } of store.exportEntries()) found.add(key);
      return found.size;
    };
    const before = heapUsed();
    for (let i = 0; i < 20_000; i++) {
      const scope = `sluice:tenant ${i}:fixed-window:`;
      const policy = fixedWindow({ name: `tenant ${i}`, limit: 5, window: "1h" });
      for (const charge of [false, true])
        store.decide({ claims: [{ scope, key: "somebody", policy, cost: 1 }], charge });
      if (i % 2 === 0) await store.delete(`${scope}somebody`);
    }
    expect(await scopes()).toBe(100);
    expect(heapUsed() - before).toBeLessThan(6_000_000);
    expect(store.size).toBe(100);
  });
});

describe("keys of any length", () => {
  it("take no more memory than maxKeys entries, even as parts of long header fields", () => {
    const store = memoryStore({ maxKeys: 5_000 });
    const limiter = createLimiter({ store, policies: policies[1] as Policy });
    const before = heapUsed();
    for (let i = 0; i < 5_000; i++) {
      const field = Buffer.from(`${"x".repeat(10_000)},session=${i} and more`).toString();
      limiter.decide(field.split(",")[1] as string);
    }
    expect(store.size).toBe(5_000);
    // The fields have 50 MB.
    expect(heapUsed() - before).toBeLessThan(5_000_000);
  });

  it("count as several entries if they are long, and fill the store if they are huge", async () => {
    const store = memoryStore({ maxKeys: 100 });
    const limiter = createLimiter({ store, policies: policies[1] as Policy });
    const long = (i: number): string => `${"x".repeat(2_560)} ${i}`;
    for (let i = 0; i < 50; i++) limiter.decide(long(i));
    expect(store.size).toBe(9);
    for (let i = 0; i < 50; i++) await store.delete(`sluice:default:fixed-window:${long(i)}`);
    for (let i = 0; i < 100; i++) limiter.decide(`short ${i}`);
    expect(store.size).toBe(100);

    const before = heapUsed();
    for (let i = 0; i < 100; i++) {
      const huge = `${i}${"x".repeat(1_000_000)}`;
      for (let n = 0; n < LIMIT; n++) expect(limiter.decide(huge)).toMatchObject({ allowed: true });
      expect(limiter.decide(huge)).toMatchObject({ allowed: false });
    }
    expect(store.size).toBe(1);
    expect(heapUsed() - before).toBeLessThan(5_000_000);
    limiter.decide("short");
    expect(store.size).toBe(1);
  });

  it("never evict an exhausted key while there is another key", () => {
    const { bounded, ask } = twins(1_000, policies[1] as Policy);
    for (let i = 0; i < 100; i++) for (let n = 0; n < LIMIT; n++) ask(`victim ${i}`);
    for (let i = 0; i < 1_000; i++) bounded.decide(`${"x".repeat(10_000)} ${i}`);
    for (let i = 0; i < 100; i++) expect(ask(`victim ${i}`)).toEqual({ early: false });
  });
});

function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}
