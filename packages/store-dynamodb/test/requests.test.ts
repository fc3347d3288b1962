import { createLimiter, fixedWindow, tokenBucket } from "@sluice/core";
import { describe, expect, it } from "vitest";
import { policiesOf } from "./policies.js";
import { serverWithTable } from "./server.js";

const { openStore } = await serverWithTable();

const admitted = (decisions: readonly { allowed: boolean; source: string }[]): number => {
  expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(["store"]));
  return decisions.filter(({ allowed }) => allowed).length;
};

describe.each(Object.entries(policiesOf))("%s", (algorithm, policyOf) => {
  const count = algorithm === "token-bucket" || algorithm === "fixed-window" ? 1_000 : 200;

  it(`sends one request for each of ${count} sequential grants`, async () => {
    const { store, requests } = openStore();
    const limiter = createLimiter({ store, policies: policyOf(2 * count), timeout: "5s", prefix: "allowed" });
    const decisions = [];
    for (let i = 0; i < count; i++) decisions.push(await limiter.consume(algorithm));
    expect(admitted(decisions)).toBe(count);
    expect(decisions.at(-1)?.remaining).toBe(count);
    expect(requests.take()).toEqual({ UpdateItemCommand: count });
  });

  it(`sends one read for each of ${count} sequential denials, and no write`, async () => {
    const { store, requests } = openStore();
    const limiter = createLimiter({ store, policies: policyOf(1), timeout: "5s", prefix: "denied", denyCache: false });
    const decisions = [];
    for (let i = 0; i <= count; i++) decisions.push(await limiter.consume(algorithm));
    expect(admitted(decisions)).toBe(1);
    expect(requests.take()).toEqual({ UpdateItemCommand: 1, GetItemCommand: count });
  });

  it("decides for 64 concurrent callers on one key with far fewer requests than decisions", async () => {
    const { store, requests } = openStore();
    const limiter = createLimiter({ store, policies: policyOf(1_000), timeout: "5s", prefix: "hot", denyCache: false });
    const decisions = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const own = [];
        for (let i = 0; i < 20; i++) own.push(await limiter.consume(algorithm));
        return own;
      }),
    );
    expect(admitted(decisions.flat())).toBe(1_000);
    // While one request is in flight, all other callers wait for the next one.
    expect(requests.total()).toBeLessThanOrEqual(100);
  });

  it("sends a second request only if a new process guesses wrong", async () => {
    const policies = policyOf(10);
    const first = openStore();
    await createLimiter({ store: first.store, policies, prefix: "cold", timeout: "5s" }).consume(algorithm);
    const second = openStore();
    const limiter = createLimiter({ store: second.store, policies, prefix: "cold", timeout: "5s" });
    expect((await limiter.consume(algorithm)).remaining).toBe(8);
    expect(second.requests.take()).toEqual({ UpdateItemCommand: 2 });
    expect((await limiter.consume(algorithm)).remaining).toBe(7);
    expect(second.requests.take()).toEqual({ UpdateItemCommand: 1 });
  });

  it("proves that an unknown key is exhausted with the answer of its write", async () => {
    const policies = policyOf(1);
    await createLimiter({ store: openStore().store, policies, prefix: "exhausted", timeout: "5s" }).consume(algorithm);
    const { store, requests } = openStore();
    expect(
      (await createLimiter({ store, policies, prefix: "exhausted", timeout: "5s" }).consume(algorithm)).allowed,
    ).toBe(false);
    expect(requests.take()).toEqual({ UpdateItemCommand: 1 });
  });
});

describe("several policies", () => {
  const policies = Object.values(policiesOf).map((policyOf, i) => ({ ...policyOf(100 - i), name: `policy ${i}` }));

  it("on one key share one request", async () => {
    const { store, requests } = openStore();
    const limiter = createLimiter({ store, policies, timeout: "5s", prefix: "several", denyCache: false });
    const decisions = [];
    for (let i = 0; i < 150; i++) decisions.push(await limiter.consume("somebody"));
    expect(admitted(decisions)).toBe(97);
    expect(requests.take()).toEqual({ UpdateItemCommand: 97, GetItemCommand: 53 });
  });

  it("on two keys take a read and a write for each", async () => {
    const { store, requests } = openStore();
    const two = [
      tokenBucket({ name: "user", rate: 10, interval: "1d" }),
      fixedWindow({ name: "all", limit: 5, window: "1d" }),
    ];
    const limiter = createLimiter({ store, policies: two, timeout: "5s", prefix: "two keys", denyCache: false });
    const key = { user: "somebody", all: "all" };
    await limiter.consume(key);
    expect(requests.take()).toEqual({ GetItemCommand: 2, UpdateItemCommand: 2 });
    for (let i = 0; i < 4; i++) await limiter.consume(key);
    requests.take();
    expect((await limiter.consume(key)).violated).toEqual(["all"]);
    expect(requests.take()).toEqual({ GetItemCommand: 2 });
  });
});

describe("a key that many processes share", () => {
  it("is assumed to be in use by processes that rarely see it", async () => {
    // Each process sends so few requests that, by its own view, the bucket would be full again.
    const policies = tokenBucket({ rate: 100, interval: "1s", burst: 10 });
    let nowMs = 1_700_000_000_000;
    const clock = { nowMs: () => nowMs, sleep: () => Promise.reject(new Error("nothing sleeps here")) };
    const processes = Array.from({ length: 10 }, () => {
      const { store, requests } = openStore();
      return { limiter: createLimiter({ store, policies, clock, timeout: "5s", prefix: "crowd" }), requests };
    });
    await processes[0]?.limiter.consume("all", { cost: 5 });
    const round = async () => {
      for (const { limiter } of processes) {
        nowMs += 10;
        expect((await limiter.consume("all")).allowed).toBe(true);
      }
      return processes.reduce((sum, { requests }) => sum + Object.values(requests.take()).reduce((a, b) => a + b), 0);
    };
    await round();
    await round();
    expect(await round()).toBe(10);
  });
});

describe("other calls", () => {
  it("sends consistent reads only, since otherwise a denial would not be proven", async () => {
    const { store, client, requests } = openStore();
    const consistent: unknown[] = [];
    client.middlewareStack.add(
      (next) => (args) => {
        if ("ConsistentRead" in args.input) consistent.push(args.input.ConsistentRead);
        return next(args);
      },
      { step: "initialize", name: "look" },
    );
    await createLimiter({ store, prefix: "reads", timeout: "5s" }).peek("somebody");
    await store.healthCheck();
    expect(requests.take()).toEqual({ GetItemCommand: 2 });
    expect(consistent).toEqual([true, true]);
  });

  it("sends one request for an atomicUpdate that writes, and one for an atomicUpdate that does not", async () => {
    const { store, requests } = openStore();
    const once = (state: number | undefined) => (state === undefined ? { state: 1, ttlMs: 60_000 } : undefined);
    await store.atomicUpdate("debounce:a", once);
    expect(requests.take()).toEqual({ UpdateItemCommand: 1 });
    expect(await store.atomicUpdate("debounce:a", once)).toBe(1);
    expect(requests.take()).toEqual({ GetItemCommand: 1 });
    const other = openStore();
    expect(await other.store.atomicUpdate("debounce:a", once)).toBe(1);
    expect(other.requests.take()).toEqual({ UpdateItemCommand: 1 });
  });

  it("sends one request for a refund", async () => {
    const { store, requests } = openStore();
    const limiter = createLimiter({
      store,
      policies: tokenBucket({ rate: 10, interval: "1d" }),
      prefix: "refund",
      timeout: "5s",
    });
    const decision = await limiter.consume("somebody");
    requests.take();
    expect(await limiter.refund(decision)).toBe(true);
    expect(requests.take()).toEqual({ UpdateItemCommand: 1 });
  });
});

it("a guess that a bucket is in use still allows a request for the whole burst", async () => {
  const policies = tokenBucket({ rate: 10, interval: "1s" });
  let nowMs = 1_700_000_000_000;
  const clock = { nowMs: () => nowMs, sleep: () => Promise.reject(new Error("nothing sleeps here")) };
  const [one, other] = [openStore(), openStore()].map(({ store }) =>
    createLimiter({ store, policies, clock, timeout: "5s", prefix: "all of it" }),
  );
  await one?.consume("somebody");
  nowMs += 10_000;
  await other?.consume("somebody");
  // A wrong guess, after which the key is known to be shared.
  await one?.consume("somebody");
  nowMs += 10_000;
  expect(await one?.consume("somebody", { cost: 10 })).toMatchObject({ source: "store", allowed: true, remaining: 0 });
});
