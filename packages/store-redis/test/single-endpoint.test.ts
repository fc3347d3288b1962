import { createLimiter, fixedWindow } from "@sluice/core";
import type { ExportedEntry } from "@sluice/core/store";
import { type RedisCluster, startRedisCluster } from "@sluice/servers";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.js";
import type { Connection } from "./clients.js";

let cluster: RedisCluster;
let admin: Redis;

/** One master that owns all slots. Like a cluster behind one address, it refuses scripts with keys of several slots. */
beforeAll(async () => {
  cluster = await startRedisCluster({ masters: 1 });
  admin = new Redis(cluster.ports[0] as number);
});
afterAll(async () => {
  admin.disconnect();
  await cluster.stop();
});
beforeEach(() => admin.flushall());

const plainClients: Readonly<Record<string, (port: number) => Promise<Connection>>> = {
  async ioredis(port) {
    const client = new Redis(port);
    return { client, end: () => client.disconnect() };
  },
  async "node-redis"(port) {
    const client = createClient({ socket: { host: "127.0.0.1", port } });
    await client.connect();
    return { client, end: () => client.destroy() };
  },
};

describe.each(Object.entries(plainClients))("a cluster behind one address, with %s", (_, connect) => {
  let connection: Connection;
  beforeAll(async () => {
    connection = await connect(cluster.ports[0] as number);
  });
  afterAll(() => connection.end());

  const policies = fixedWindow({ limit: 3, window: "1h" });

  it.each([undefined, true])("decides 50 of 50 keys, with the option cluster %s", async (option) => {
    const limiter = createLimiter({
      store: redisStore({ client: connection.client, cluster: option }),
      policies,
      timeout: "10s",
    });
    for (let turn = 1; turn <= 4; turn++) {
      const decisions = await Promise.all(Array.from({ length: 50 }, (_, i) => limiter.consume(`client ${i}`)));
      expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(["store"]));
      expect(decisions.filter(({ allowed }) => allowed).length).toBe(turn <= 3 ? 50 : 0);
    }
  });

  it("decides several keys together, even in the first call", async () => {
    const perAddress = fixedWindow({ name: "perAddress", limit: 5, window: "1h" });
    const perUser = fixedWindow({ name: "perUser", limit: 2, window: "1h" });
    const store = redisStore({ client: connection.client });
    const limiter = createLimiter({ store, policies: [perAddress, perUser], timeout: "10s" });
    const decisions = await Promise.all(
      Array.from({ length: 4 }, (_, i) => limiter.consume({ perAddress: "192.0.2.1", perUser: `user ${i % 2}` })),
    );
    expect(decisions.map(({ source }) => source)).toEqual(Array(4).fill("store"));
    expect(decisions.filter(({ allowed }) => allowed).length).toBe(4);
    expect((await limiter.consume({ perAddress: "192.0.2.1", perUser: "user 0" })).allowed).toBe(false);
    expect((await limiter.peek({ perAddress: "192.0.2.1", perUser: "user 9" })).remaining).toBe(1);
  });

  it("updates, refunds, resets and imports, even in the first call", async () => {
    const fresh = () => redisStore({ client: connection.client });
    expect(await fresh().atomicUpdate("sluice:a:custom:b", () => ({ state: 1, ttlMs: 60_000 }))).toBe(1);
    const entries: ExportedEntry[] = Array.from({ length: 300 }, (_, i) => ({
      key: `sluice:moved:fixed-window:${i}`,
      state: [1, 0, [Date.now(), i]],
      expiresAtMs: Date.now() + 600_000,
    }));
    expect(await fresh().importEntries(entries)).toEqual([]);
    expect((await fresh().importEntries(entries)).length).toBe(300);
    const limiter = createLimiter({ store: fresh(), policies, timeout: "10s" });
    expect(await limiter.refund(await limiter.consume("somebody"))).toBe(true);
    await limiter.reset("somebody");
    await fresh().healthCheck();
  });

  it("refuses to list entries if it cannot reach all of them", async () => {
    const store = redisStore({ client: connection.client });
    const listing = store.exportEntries()[Symbol.asyncIterator]();
    await expect(listing.next()).rejects.toMatchObject({ code: "NOT_LISTABLE" });
  });
});

it("reports that a plain client cannot follow the nodes of a cluster", async () => {
  const three = await startRedisCluster({ masters: 3 });
  const client = new Redis(three.ports[0] as number);
  try {
    const store = redisStore({ client });
    const limiter = createLimiter({
      store,
      policies: fixedWindow({ limit: 3, window: "1h" }),
      on: { storeError() {} },
    });
    const decisions = await Promise.all(Array.from({ length: 20 }, (_, i) => limiter.consume(`client ${i}`)));
    const errors = decisions.flatMap(({ error }) => (error === undefined ? [] : [error.message]));
    expect(errors.length).toBeGreaterThan(0);
    for (const message of errors) expect(message).toMatch(/MOVED .*pass a cluster client/);
  } finally {
    client.disconnect();
    await three.stop();
  }
});
