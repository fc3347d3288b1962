import { readFile } from "node:fs/promises";
import { createLimiter, fixedWindow, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { startRedis, startRedisCluster } from "@sluice/servers";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import { expect, it, onTestFinished } from "vitest";
import { type RedisClient, redisStore } from "../src/index.js";

/** The rights printed in docs/redis.md: those that every store needs, and those of single features. */
async function printedRights(): Promise<{ all: string[]; also: (what: RegExp) => string[] }> {
  const page = await readFile(new URL("../../../docs/redis.md", import.meta.url), "utf8");
  const [, all = ""] = /^ACL SETUSER limits on >secret (.*)$/m.exec(page) ?? [];
  return {
    all: all.split(" "),
    also(what) {
      const row = page.split("\n").find((line) => line.startsWith("|") && what.test(line)) ?? "";
      const [, rights = ""] = /\| `([^`]*)`[^`]*(?:`[^`]*`[^`]*)*\|$/.exec(row) ?? [];
      return rights.replaceAll("\\|", "|").split(" ");
    },
  };
}

const { all, also } = await printedRights();

/** Uses every feature of a store: all algorithms, odd keys, refunds, blocks, resets and health checks. */
async function useAll(client: RedisClient): Promise<void> {
  const store = redisStore({ client });
  const policies = [
    fixedWindow({ name: "fixed", limit: 10, window: "1h" }),
    slidingWindow({ name: "sliding", limit: 10, window: "1h" }),
    tokenBucket({ name: "bucket", rate: 10, interval: "1h" }),
    slidingLog({ name: "log", limit: 10, window: "1h" }),
  ];
  const limiter = createLimiter({ store, policies, timeout: "10s", on: { storeError() {} } });
  for (const key of ["short", "long".repeat(500), "\0"]) {
    const decision = await limiter.consume(key);
    if (decision.error !== undefined) throw decision.error;
    expect(await limiter.refund(decision)).toBe(true);
    await limiter.block(key, "1m");
    await limiter.reset(key);
    await limiter.consume(key);
  }
  expect(await limiter.healthCheck()).toMatchObject({ healthy: true });
  await store.close();
}

/** Sets the rights of a user on some servers. Returns a function that lists the refused commands. */
async function allow(ports: readonly number[], rights: readonly string[]): Promise<() => Promise<string[]>> {
  const admins = ports.map((port) => new Redis(port));
  onTestFinished(() => {
    for (const admin of admins) admin.disconnect();
  });
  for (const admin of admins) await admin.acl("SETUSER", "limits", "reset", "on", ">secret", ...rights);
  return async () => {
    const logs = await Promise.all(admins.map((admin) => admin.acl("LOG") as Promise<string[][]>));
    return logs.flat().map((entry) => `${entry[3]} ${entry[7]}`);
  };
}

const credentials = { username: "limits", password: "secret" };

const onServer: Readonly<Record<string, (port: number) => Promise<RedisClient>>> = {
  async ioredis(port) {
    const client = new Redis(port, credentials);
    onTestFinished(() => client.disconnect());
    return client;
  },
  async "node-redis"(port) {
    const client = createClient({ socket: { host: "127.0.0.1", port }, ...credentials, pingInterval: 20 });
    onTestFinished(() => client.destroy());
    await client.connect();
    return client;
  },
};

const needed: Readonly<Record<string, string[]>> = { ioredis: also(/by ioredis/), "node-redis": also(/by node-redis/) };

it.each(Object.keys(onServer))("a user with the printed rights can use every feature, through %s", async (name) => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const refused = await allow([server.port], [...all, ...(needed[name] as string[])]);
  const client = await (onServer[name] as (port: number) => Promise<RedisClient>)(server.port);
  await useAll(client);
  expect(await refused()).toEqual([]);
});

it.each(all)("a user without %s cannot", async (right) => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  await allow([server.port], [...all.filter((other) => other !== right), ...also(/by ioredis/)]);
  const client = await (onServer.ioredis as (port: number) => Promise<RedisClient>)(server.port);
  await expect(useAll(client)).rejects.toThrow(/NOPERM|The user executing the script can't run this command/);
});

it("a user with the printed rights can export and import", async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const refused = await allow([server.port], [...all, ...also(/by ioredis/), ...also(/export and move/)]);
  const client = await (onServer.ioredis as (port: number) => Promise<RedisClient>)(server.port);
  await useAll(client);
  const store = redisStore({ client });
  const entries = [];
  for await (const entry of store.exportEntries()) entries.push(entry);
  expect(entries.length).toBeGreaterThan(5);
  await store.importEntries(entries);
  expect(await refused()).toEqual([]);
});

it.each(["ioredis", "node-redis"])(
  "a user of a Cluster with the printed rights can use every feature, through %s",
  async (name) => {
    const cluster = await startRedisCluster({ masters: 2 });
    onTestFinished(() => cluster.stop());
    const refused = await allow(cluster.ports, [
      ...all,
      ...(needed[name] as string[]),
      ...also(/clients of a Cluster/),
    ]);
    const nodes = cluster.ports.map((port) => ({ host: "127.0.0.1", port }));
    if (name === "ioredis") {
      const client = new Cluster(nodes, { redisOptions: credentials });
      onTestFinished(() => client.disconnect());
      await useAll(client);
    } else {
      const client = createCluster({ rootNodes: nodes.map((socket) => ({ socket })), defaults: credentials });
      onTestFinished(() => client.destroy());
      await client.connect();
      await useAll(client);
    }
    expect(await refused()).toEqual([]);
  },
);
