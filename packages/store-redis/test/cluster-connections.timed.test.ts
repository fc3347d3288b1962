import { setTimeout as sleep } from "node:timers/promises";
import { createLimiter, fixedWindow } from "@sluice/core";
import { type RedisCluster, startProxy, startRedisCluster } from "@sluice/servers";
import { Cluster } from "ioredis";
import { Cluster as Cluster5 } from "ioredis5";
import { createCluster } from "redis";
import { createCluster as createCluster5 } from "redis5";
import { afterAll, beforeAll, expect, it } from "vitest";
import { redisStore } from "../src/index.js";
import type { Connection } from "./clients.js";
import { forIoredis, forNodeRedis } from "./settings.js";

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startRedisCluster({ masters: 3 });
});
afterAll(() => cluster.stop());

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Cluster clients with the recommended settings, for nodes behind addresses that differ from those they report. */
const tunedClusters: Readonly<Record<string, (nodes: Readonly<Record<string, Address>>) => Promise<Connection>>> = {
  async "ioredis 6"(natMap) {
    const { connectTimeout, socketTimeout, retryStrategy } = forIoredis;
    const client = new Cluster(Object.values(natMap), {
      natMap,
      clusterRetryStrategy: retryStrategy,
      redisOptions: { connectTimeout, socketTimeout },
    });
    return { client, end: () => client.disconnect() };
  },
  async "ioredis 5"(natMap) {
    const { connectTimeout, socketTimeout, retryStrategy } = forIoredis;
    const client = new Cluster5(Object.values(natMap), {
      natMap,
      clusterRetryStrategy: retryStrategy,
      redisOptions: { connectTimeout, socketTimeout },
    });
    return { client, end: () => client.disconnect() };
  },
  async "node-redis 6"(nodeAddressMap) {
    const rootNodes = Object.values(nodeAddressMap).map((socket) => ({ socket }));
    const client = createCluster({ rootNodes, nodeAddressMap, defaults: forNodeRedis });
    await client.connect();
    return { client, end: () => client.destroy() };
  },
  async "node-redis 5"(nodeAddressMap) {
    const rootNodes = Object.values(nodeAddressMap).map((socket) => ({ socket }));
    const client = createCluster5({ rootNodes, nodeAddressMap, defaults: forNodeRedis });
    await client.connect();
    return { client, end: () => client.destroy() };
  },
};

it.each(Object.entries(tunedClusters))(
  "soon decides again if the connections to one master are silent, with %s",
  async (_, connect) => {
    const proxies = await Promise.all(cluster.ports.map((port) => startProxy(port)));
    const addresses = cluster.ports.map((port, i) => [
      `127.0.0.1:${port}`,
      { host: "127.0.0.1", port: proxies[i]?.port as number },
    ]);
    const { client, end } = await connect(Object.fromEntries(addresses));
    try {
      const limiter = createLimiter({
        store: redisStore({ client }),
        policies: fixedWindow({ limit: 1_000_000, window: "1h" }),
        on: { storeError() {}, storeRecovered() {} },
      });
      const keys = Array.from({ length: 30 }, (_, i) => `client ${i}`);
      const decidedOf = async () =>
        (await Promise.all(keys.map((key) => limiter.consume(key)))).filter(({ source }) => source === "store").length;
      while ((await decidedOf()) < keys.length) await sleep(50);
      proxies[0]?.freeze();
      const startMs = performance.now();
      expect(await decidedOf()).toBeLessThan(keys.length);
      while ((await decidedOf()) < keys.length && performance.now() - startMs < 15_000) await sleep(50);
      const ms = performance.now() - startMs;
      expect(ms).toBeLessThan(5_000);
    } finally {
      end();
      await Promise.all(proxies.map((proxy) => proxy.stop()));
    }
  },
);
