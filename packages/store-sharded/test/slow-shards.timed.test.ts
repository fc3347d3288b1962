import { setTimeout as sleep } from "node:timers/promises";
import { createLimiter, fixedWindow } from "@sluice/core";
import { startRedis } from "@sluice/servers";
import { redisStore } from "@sluice/store-redis";
import { Redis } from "ioredis";
import { afterAll, describe, expect, it } from "vitest";
import { shardedStore } from "../src/index.js";
import { type SlowProxy, startSlowProxy } from "./slow-proxy.js";

const DELAY_MS = 200;
const servers = await Promise.all([startRedis(), startRedis(), startRedis()]);
const proxies: SlowProxy[] = await Promise.all(servers.map(({ port }) => startSlowProxy(port)));
const clients = proxies.map(({ port }) => new Redis(port));
const shards = clients.map((client) => redisStore({ client }));
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await Promise.all(servers.map((server) => server.stop()));
});

const names = ["user", "address", "all"];
const policies = names.map((name) => fixedWindow({ name, limit: 10, window: "1h" }));
const on = { storeError() {}, storeRecovered() {} };

/** The number of tries. A retry of a test must not use keys that the try before has charged. */
let tries = 0;

function setDelay(delayMs: number): void {
  for (const proxy of proxies) proxy.delayMs = delayMs;
}

describe("policies with different keys on slow shards", () => {
  it("are charged together within the timeout, or not at all", async () => {
    const store = shardedStore(shards);
    const patient = createLimiter({ store, policies, timeout: "10s" });
    await patient.consume("warm");
    const limiter = createLimiter({ store, policies, timeout: 2.5 * DELAY_MS, on });
    tries++;
    const keys = Array.from({ length: 8 }, (_, i) => ({
      user: `${tries} u${i}`,
      address: `${tries} a${i}`,
      all: `${tries} all${i}`,
    }));
    setDelay(DELAY_MS);
    const decisions = await Promise.all(
      keys.map(async (key) => {
        const startMs = performance.now();
        const decision = await limiter.consume(key);
        expect(performance.now() - startMs).toBeLessThan(2.5 * DELAY_MS + 250);
        return decision;
      }),
    );
    expect(new Set(decisions.map(({ source }) => source))).toContain("failClosed");
    // Late charges are refunded when their answers arrive.
    await sleep(6 * DELAY_MS);
    setDelay(0);
    for (const [i, key] of keys.entries()) {
      const left = (await patient.peek(key)).policies.map(({ remaining }) => remaining);
      expect(left).toEqual(decisions[i]?.allowed ? [9, 9, 9] : [10, 10, 10]);
    }
  });

  it("time out with the connection's error as the cause", async () => {
    const refused = new Redis(1, "127.0.0.1", { maxRetriesPerRequest: null });
    refused.on("error", () => {});
    const failing = redisStore({ client: refused });
    const error = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const store = shardedStore([shards[0] as (typeof shards)[0], { ...failing, connectionError: () => error }]);
    expect(store.connectionError()).toBe(error);
    const limiter = createLimiter({ store, timeout: 200, on });
    const decisions = await Promise.all(Array.from({ length: 8 }, (_, i) => limiter.consume(`client ${i}`)));
    const failed = decisions.filter(({ source }) => source === "failClosed");
    expect(failed.length).toBeGreaterThan(0);
    for (const decision of failed) {
      expect(decision.error).toMatchObject({ code: "STORE_TIMEOUT", cause: { code: "ECONNREFUSED" } });
    }
    refused.disconnect();
  });
});
