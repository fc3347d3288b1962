import { createLimiter, fixedWindow, type Limiter, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { type RedisServer, startProxy, startRedis } from "@sluice/servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.js";
import { redisKey } from "../src/keys.js";
import { connectors } from "./clients.js";

let server: RedisServer;
let client: Redis;

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.port);
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});
beforeEach(() => client.flushall());

/** Returns how often the server has run each command since its statistics were reset. */
async function commandCounts(): Promise<Record<string, number>> {
  const info = await client.info("commandstats");
  return Object.fromEntries(
    [...info.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name, calls]) => [name, Number(calls)]),
  );
}

const admitted = (decisions: readonly { allowed: boolean }[]): number =>
  decisions.filter(({ allowed }) => allowed).length;

describe("options", () => {
  it.each([undefined, null, {}, { get() {} }, "redis://127.0.0.1", new Map()])("refuses the client %s", (wrong) => {
    expect(() => redisStore({ client: wrong as never })).toThrow(expect.objectContaining({ code: "INVALID_CLIENT" }));
  });

  it("refuses an unknown option", () => {
    expect(() => redisStore({ client, clustr: true } as never)).toThrow(/did you mean "cluster"/);
    expect(() => redisStore({ client, prefix: "a" } as never)).toThrow(
      expect.objectContaining({ code: "UNKNOWN_OPTION" }),
    );
  });
});

describe("round trips", () => {
  it("decides the calls of one turn in one script call, even with different policies and limiters", async () => {
    const store = redisStore({ client });
    const one = createLimiter({
      store,
      policies: [tokenBucket({ name: "a" }), slidingWindow({ name: "b", limit: 5, window: "1m" })],
    });
    const other = createLimiter({ store, policies: slidingLog({ name: "c", limit: 5, window: "1m" }) });
    await one.consume("warm");
    await client.config("RESETSTAT");
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => [one.consume(`client ${i}`), other.consume(`client ${i}`)]).flat(),
    );
    const { evalsha, eval: evals, get, set } = await commandCounts();
    // Each script also reads its lane, and writes it if it charged.
    expect({ evalsha, evals, get, set }).toEqual({ evalsha: 1, evals: undefined, get: 25, set: 25 });
  });

  it("collects calls in the next batch while earlier ones are in flight", async () => {
    const limiter = createLimiter({
      store: redisStore({ client }),
      policies: tokenBucket({ rate: 10_000, interval: "1h" }),
    });
    await limiter.consume("warm");
    await client.config("RESETSTAT");
    await Promise.all(
      Array.from({ length: 64 }, async (_, caller) => {
        for (let i = 0; i < 50; i++) await limiter.consume(`caller ${caller}`);
      }),
    );
    expect((await commandCounts()).evalsha).toBeLessThanOrEqual(200);
  });

  it("writes nothing for a denial", async () => {
    const limiter = createLimiter({
      store: redisStore({ client }),
      policies: tokenBucket({ rate: 1, interval: "1h" }),
    });
    await limiter.consume("somebody");
    await client.config("RESETSTAT");
    const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.consume("somebody")));
    expect(admitted(decisions)).toBe(0);
    expect((await commandCounts()).set).toBeUndefined();
  });
});

describe("scripts", () => {
  it("decides exactly while the server repeatedly forgets its scripts", async () => {
    const limiter = createLimiter({
      store: redisStore({ client }),
      denyCache: false,
      policies: fixedWindow({ limit: 500, window: "1h" }),
    });
    let done = false;
    let flushes = 0;
    const flushing = (async () => {
      while (!done) {
        await client.script("FLUSH");
        flushes++;
      }
    })();
    const decisions = (
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const own = [];
          for (let i = 0; i < 40; i++) own.push(await limiter.consume("all"));
          return own;
        }),
      )
    ).flat();
    done = true;
    await flushing;
    expect(flushes).toBeGreaterThan(10);
    expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(["store"]));
    expect(admitted(decisions)).toBe(500);
  });
});

describe("a lost reply", () => {
  async function throughProxy(
    test: (limiter: Limiter, lose: (pass: number) => void) => Promise<void>,
    name: string,
  ): Promise<void> {
    const proxy = await startProxy(server.port);
    const connection = await (connectors[name] as (typeof connectors)[string])(proxy.port);
    try {
      const limiter = createLimiter({
        store: redisStore({ client: connection.client }),
        policies: fixedWindow({ limit: 100, window: "1h" }),
        timeout: "5s",
      });
      // The server then knows all scripts, so that every call is one request.
      expect(await limiter.refund(await limiter.consume("warm"))).toBe(true);
      await test(limiter, (pass) => proxy.loseAnswer(pass));
      expect(proxy.lost).toBe(1);
    } finally {
      connection.end();
      await proxy.stop();
    }
  }

  it.each(Object.keys(connectors))(
    "causes an error and only one charge, although %s may resend the script",
    async (name) => {
      await throughProxy(async (limiter, lose) => {
        lose(0);
        const lost = await limiter.consume("somebody", { cost: 10 });
        expect(lost).toMatchObject({ allowed: false, source: "failClosed", error: { code: "STORE_FAILED" } });
        const next = await limiter.consume("somebody", { cost: 10 });
        expect(next).toMatchObject({ allowed: true, remaining: 80 });
      }, name);
    },
  );

  it.each(Object.keys(connectors))("of a refund causes an error and only one refund, with %s", async (name) => {
    await throughProxy(async (limiter, lose) => {
      await limiter.consume("somebody", { cost: 50 });
      const decision = await limiter.consume("somebody", { cost: 10 });
      // The answer to the read passes, and the answer to the write is lost.
      lose(1);
      await expect(limiter.refund(decision)).rejects.toMatchObject({ code: "STORE_FAILED" });
      expect((await limiter.peek("somebody")).remaining).toBe(50);
    }, name);
  });
});

describe("lifetimes", () => {
  it.each([
    ["50ms", 50],
    ["90d", 7_776_000_000],
  ] as const)("equal those of the state, for a window of %s", async (window, windowMs) => {
    const store = redisStore({ client });
    for (const [policy, most] of [
      [tokenBucket({ name: "bucket", rate: 2, interval: window }), windowMs / 2],
      [fixedWindow({ name: "fixed", limit: 2, window }), windowMs],
      [slidingWindow({ name: "sliding", limit: 2, window }), 2 * windowMs],
      [slidingLog({ name: "log", limit: 2, window }), windowMs],
    ] as const) {
      const limiter = createLimiter({ store, policies: policy });
      await limiter.consume("somebody");
      const lifetime = await client.pttl(redisKey(`sluice:${policy.name}:${policy.algorithm}:somebody`));
      // On a slow machine, the shortest lifetime may already have passed.
      if (windowMs > 50) expect(lifetime).toBeGreaterThan(most - 5_000);
      expect(lifetime).toBeLessThanOrEqual(most);
      expect(lifetime).not.toBe(-1);
    }
  });
});

describe("keys", () => {
  it("contain the tag, policy and key after the client's prefix", async () => {
    const prefixed = new Redis(server.port, { keyPrefix: "shop:" });
    const limiter = createLimiter({ store: redisStore({ client: prefixed }), prefix: "api" });
    // With a lower cost, the limit would be full and the key gone after 10 ms.
    await limiter.consume("192.0.2.1", { cost: 100 });
    const keys = await client.keys("*");
    expect(keys.filter((key) => !key.includes("#lane"))).toEqual([
      expect.stringMatching(/^shop:\{[0-9a-z]+\}api:default:token-bucket:192\.0\.2\.1$/),
    ]);
    prefixed.disconnect();
  });

  it("of one client share a hash slot that its key cannot choose", () => {
    const tag = (key: string): string | undefined => /\{(.*?)\}/.exec(redisKey(`s:a:token-bucket:${key}`))?.[1];
    for (const key of ["plain", "{a}", "{}", "x{a}y", "}{", "{a}{b}", "é{a}"]) {
      expect(tag(key)).toMatch(/^[0-9a-z]{1,2}$/);
      expect(redisKey(`s:a:token-bucket:${key}`).indexOf("{")).toBe(0);
      expect(/\{(.*?)\}/.exec(redisKey(`s:b:fixed-window:${key}`))?.[1]).toBe(tag(key));
    }
    expect(tag("{a}1")).not.toBe(tag("{a}2"));
  });

  it("are spread over the slots", () => {
    const tags = new Set(
      Array.from({ length: 20_000 }, (_, i) => /\{(.*?)\}/.exec(redisKey(`10.0.${i >> 8}.${i & 255}`))?.[1]),
    );
    expect(tags.size).toBeGreaterThan(1_000);
  });

  it("of other programs are not changed, and make only their own decisions fail", async () => {
    const limiter = createLimiter({ store: redisStore({ client }) });
    const foreign = redisKey("sluice:default:token-bucket:taken");
    await client.rpush(foreign, "a list");
    const [taken, free] = await Promise.all([limiter.consume("taken"), limiter.consume("free")]);
    expect(taken).toMatchObject({ source: "failClosed", error: { code: "STORE_STATE_UNREADABLE" } });
    expect(free).toMatchObject({ source: "store", allowed: true });
    expect(await client.type(foreign)).toBe("list");
  });
});

describe("an outage", () => {
  it("ends without a restart, and calls that timed out in the queue are not charged", async () => {
    const spare = await startRedis();
    const own = new Redis(spare.port);
    own.on("error", () => {});
    try {
      const limiter = createLimiter({
        store: redisStore({ client: own }),
        policies: fixedWindow({ limit: 1_000, window: "1h" }),
        timeout: 100,
      });
      await limiter.consume("somebody");
      await spare.pause();
      const during = [];
      for (let i = 0; i < 5; i++) {
        during.push(...(await Promise.all(Array.from({ length: 100 }, () => limiter.consume("somebody")))));
      }
      expect(new Set(during.map(({ source }) => source))).toEqual(new Set(["failClosed"]));
      await spare.resume();
      let after = await limiter.consume("somebody");
      while (after.source !== "store") after = await limiter.consume("somebody");
      // Of the 500 calls in the outage, only the two sent batches of 100 were decided, although late.
      expect(1_000 - after.remaining).toBeLessThan(250);
    } finally {
      own.disconnect();
      await spare.stop();
    }
  });
});
