import { createLimiter, fixedWindow } from "@sluice/core";
import { type RedisSentinel, startRedisSentinel } from "@sluice/servers";
import { Redis } from "ioredis";
import { createSentinel } from "redis";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { redisStore } from "../src/index.js";
import type { Connection } from "./clients.js";

let sentinel: RedisSentinel;
let connection: Connection | undefined;

beforeEach(async () => {
  sentinel = await startRedisSentinel();
});
afterEach(async () => {
  connection?.end();
  await sentinel.stop();
});
afterAll(() => connection?.end());

const connectors: Readonly<Record<string, (sentinel: RedisSentinel) => Promise<Connection>>> = {
  async ioredis({ sentinels, name }) {
    const client = new Redis({ sentinels: [...sentinels], name, maxRetriesPerRequest: null });
    client.on("error", () => {});
    return { client, end: () => client.disconnect() };
  },
  async "node-redis"({ sentinels, name }) {
    const client = createSentinel({ name, sentinelRootNodes: [...sentinels], passthroughClientErrorEvents: true });
    client.on("error", () => {});
    client.on("client-error", () => {});
    await client.connect();
    return { client, end: () => client.destroy() };
  },
};

/** Waits until the replica has all writes so far, since replication lags. */
async function replicated({ sentinels, name }: RedisSentinel): Promise<void> {
  const client = new Redis({ sentinels: [...sentinels], name });
  await client.set("marker", "1");
  expect(await client.wait(1, 10_000)).toBe(1);
  client.disconnect();
}

it.each(Object.entries(connectors))(
  "continues with the new master if the old one dies, with %s",
  async (_, connect) => {
    connection = await connect(sentinel);
    const limiter = createLimiter({
      store: redisStore({ client: connection.client }),
      policies: fixedWindow({ limit: 100, window: "1h" }),
    });
    for (let i = 0; i < 10; i++) await limiter.consume("somebody");
    await replicated(sentinel);
    await sentinel.killMaster();
    expect((await limiter.consume("somebody")).source).toBe("failClosed");
    let after = await limiter.consume("somebody");
    for (let i = 0; i < 100 && after.source !== "store"; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      after = await limiter.consume("somebody");
    }
    expect(after.source).toBe("store");
    // The replica has kept its data, and each call in between was charged at most once.
    expect(after.remaining).toBeLessThan(90);
  },
);
