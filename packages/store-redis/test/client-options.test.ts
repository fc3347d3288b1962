import { createLimiter, fixedWindow, slidingWindow } from "@sluice/core";
import type { ExportedEntry } from "@sluice/core/store";
import { type RedisServer, startRedis } from "@sluice/servers";
import { Redis as UpstashRedis } from "@upstash/redis";
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient, RESP_TYPES } from "redis";
import * as redis3 from "redis3";
import { createClient as createClient4 } from "redis4";
import { createClient as createClient5, RESP_TYPES as RESP_TYPES_5 } from "redis5";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { customRedisClient, type RedisClient, redisStore } from "../src/index.js";
import { flushAll } from "./clients.js";

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

interface Opened {
  readonly client: RedisClient;
  end(): unknown;
}

const socket = () => ({ host: "127.0.0.1", port: server.port });

/** Clients with options that change the keys that they send or the replies that they return. */
const odd: Readonly<Record<string, () => Promise<Opened>>> = {
  ...Object.fromEntries(
    [
      { stringNumbers: true },
      { keyPrefix: "own:" },
      { keyPrefix: "{own}:" },
      { enableAutoPipelining: true },
      { showFriendlyErrorStack: true },
      { protocol: 2 as const },
      { protocol: 3 as const, replyMapping: "resp3" as const },
    ].flatMap((options) =>
      [(all: object) => new Redis(all), (all: object) => new Redis5(all)].map((create, i) => [
        `ioredis ${6 - i} with ${JSON.stringify(options)}`,
        async () => {
          const client = create({ port: server.port, ...options });
          return { client, end: () => client.disconnect() };
        },
      ]),
    ),
  ),
  ...Object.fromEntries(
    ([2, 3] as const).flatMap((RESP) => [
      [
        `node-redis 6 with RESP ${RESP}`,
        async () => {
          const client = createClient({ RESP, socket: socket() });
          await client.connect();
          return { client, end: () => client.destroy() };
        },
      ],
      [
        `node-redis 5 with RESP ${RESP}`,
        async () => {
          const client = createClient5({ RESP, socket: socket() });
          await client.connect();
          return { client, end: () => client.destroy() };
        },
      ],
      [
        `node-redis 6 with RESP ${RESP} and numbers as text and text as Buffers`,
        async () => {
          const typeMapping = { [RESP_TYPES.NUMBER]: String, [RESP_TYPES.BLOB_STRING]: Buffer };
          const client = createClient({ RESP, socket: socket(), commandOptions: { typeMapping } });
          await client.connect();
          return { client, end: () => client.destroy() };
        },
      ],
      [
        `node-redis 5 with RESP ${RESP} by withTypeMapping`,
        async () => {
          const client = createClient5({ RESP, socket: socket() });
          await client.connect();
          const typeMapping = { [RESP_TYPES_5.NUMBER]: String, [RESP_TYPES_5.BLOB_STRING]: Buffer };
          return { client: client.withTypeMapping(typeMapping), end: () => client.destroy() };
        },
      ],
    ]),
  ),
  async "node-redis 6 with keyPrefix"() {
    const client = createClient({ keyPrefix: "own:", socket: socket() });
    await client.connect();
    return { client, end: () => client.destroy() };
  },
};

describe.each(Object.entries(odd))("%s", (_, open) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open();
    await flushAll(server.port);
  });
  afterAll(() => opened.end());

  it("grants exactly the limit, refunds, and lists the entry", async () => {
    const store = redisStore({ client: opened.client });
    const policies = [
      fixedWindow({ name: "fixed", limit: 10, window: "1h" }),
      slidingWindow({ name: "sliding", limit: 12, window: "1h" }),
    ];
    const limiter = createLimiter({ store, policies, timeout: "10s" });
    const decisions = await Promise.all(Array.from({ length: 12 }, () => limiter.consume("somebody")));
    expect(decisions.map(({ source }) => source)).toEqual(Array(12).fill("store"));
    expect(decisions.filter(({ allowed }) => allowed).length).toBe(10);
    expect(decisions.at(-1)?.retryAfterMs).toBeGreaterThan(3_500_000);
    expect(decisions.at(-1)?.retryAfterMs).toBeLessThanOrEqual(3_600_000);
    expect(await limiter.refund(decisions[0] as (typeof decisions)[0])).toBe(true);
    expect((await limiter.peek("somebody")).remaining).toBe(1);
    const listed: ExportedEntry[] = [];
    for await (const entry of store.exportEntries()) listed.push(entry);
    expect(listed.map(({ key }) => key).sort()).toEqual([
      "sluice:fixed:fixed-window:somebody",
      "sluice:sliding:sliding-window:somebody",
    ]);
    expect(await store.importEntries(listed)).toEqual(listed);
  });
});

describe("a client that the store cannot use", () => {
  const lazy = { lazyConnect: true, port: 1 };
  it.each<[string, () => unknown, RegExp]>([
    ["Upstash's REST client", () => new UpstashRedis({ url: "http://127.0.0.1:1", token: "x" }), /customRedisClient/],
    ["a client of redis 3", () => redis3.createClient({ port: 1, retry_strategy: () => 1_000 }), /redis 3/],
    ["a class", () => Redis, /class/],
    ["a function", () => createClient, /function/],
    ["a pipeline of ioredis", () => new Redis(lazy).pipeline(), /pipeline/],
    ["a transaction of ioredis", () => new Redis(lazy).multi(), /transaction/],
    ["a transaction of node-redis", () => createClient().multi(), /transaction/],
    ["a promise", () => Promise.resolve(new Redis(lazy)), /await/],
    ["a client of redis 4 in legacy mode", () => createClient4({ legacyMode: true }), /legacy/],
    ["the legacy form of a client", () => createClient().legacy(), /legacy/],
    ["a URL", () => "redis://user:secret@127.0.0.1", /is string/],
    [
      "a mock",
      () => Object.assign(Object.create({ del() {}, eval() {}, evalsha() {} }), { data: 1 }),
      /not a supported/,
    ],
  ])("refuses %s, and names clients that work", (_, make, why) => {
    const client = make();
    try {
      redisStore({ client: client as RedisClient });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "INVALID_CLIENT" });
      expect((error as Error).message).toMatch(why);
      expect((error as Error).message).toMatch(/ioredis.*redis.*customRedisClient/);
      expect((error as Error).message).not.toContain("secret");
    } finally {
      (client as { end?: (flush: boolean) => void }).end?.(true);
    }
  });

  it("explains how to pass a client if it is passed instead of the options", () => {
    expect(() => redisStore(new Redis(lazy) as never)).toThrow(/redisStore\(\{ client \}\)/);
  });

  it("refuses missing and extra functions", () => {
    const call = async () => 1;
    expect(() => customRedisClient({ evalsha: call, eval: call } as never)).toThrow(/"del"/);
    expect(() => customRedisClient({ evalsha: call, eval: call, del: call, evalSha: call } as never)).toThrow(
      /evalSha/,
    );
  });

  it.each([
    ["cluster", 1],
    ["reconnect", true],
  ])("refuses the option %s if it has the wrong type", (option, value) => {
    const options = { client: new Redis(lazy), [option]: value };
    expect(() => redisStore(options)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  });
});

describe("a reply that the script cannot have sent", () => {
  it.each<[string, unknown]>([
    ["null", null],
    ["a text", "OK"],
    ["an empty array", []],
    ["too few numbers", [1_700_000_000_000, 1]],
    ["too many numbers", [1_700_000_000_000, 1, 0, 1_700_000_000_000, 1, 7]],
    ["a fraction", [1_700_000_000_000.5, 1, 0, 1_700_000_000_000, 1]],
    ["other text", [1_700_000_000_000, 1, 0, "soon", 1]],
    ["an array inside", [1_700_000_000_000, 1, 0, [1_700_000_000_000], 1]],
  ])("causes an error with a code for every call: %s", async (_, reply) => {
    const answer = async () => reply;
    const client = customRedisClient({ evalsha: answer, eval: answer, del: answer });
    const store = redisStore({ client });
    const limiter = createLimiter({
      store,
      policies: fixedWindow({ limit: 10, window: "1h" }),
      on: { storeError() {} },
    });
    const decision = await limiter.consume("somebody");
    expect(decision).toMatchObject({ source: "failClosed", error: { code: "STORE_FAILED" } });
    await expect(store.atomicUpdate("a", () => undefined)).rejects.toMatchObject({ code: "STORE_FAILED" });
    await expect(store.exportEntries()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "STORE_FAILED" });
  });
});
