import type { Store } from "@sluice/core";
import { startRedisCluster, startRedisSentinel } from "@sluice/servers";
import { openStore } from "@sluice/storage";
import { redisStore } from "@sluice/store-redis";
import { Redis } from "ioredis";
import { createCluster, createSentinel } from "redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { forNodeRedis } from "../../../../packages/store-redis/test/settings.js";
import { failures, type Traffic, underFault } from "../traffic.js";

interface Failover {
  readonly store: Store;
  readonly masterPort: number;
  readonly replicaPort: number;
  killMaster(): Promise<void>;
}

/** Opens a connection for the test's own commands, which can also read from replicas. */
function connectTo(port: number): Redis {
  const client = new Redis(port, { readOnly: true, maxRetriesPerRequest: null });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** Kills a master whose replica has not received the last writes. */
async function failsOver({ store, masterPort, replicaPort, killMaster }: Failover): Promise<void> {
  const [master, replica] = [connectTo(masterPort), connectTo(replicaPort)];
  const stored = redisStore({ client: replica });
  const summary = await underFault({
    store,
    prefix: "faults",
    async begin(traffic: Traffic) {
      // The replica can no longer log in, so its link stays down.
      await replica.config("SET", "masteruser", "nobody");
      await replica.config("SET", "masterauth", "wrong");
      await master.call("CLIENT", "KILL", "TYPE", "replica");
      await traffic.during(400);
      await killMaster();
      // Lets the clients read replies that have already arrived.
      await traffic.during(50);
      await traffic.losingWrites(stored);
    },
    lastsMs: 0,
    async end(traffic) {
      while (!(await replica.info("replication")).includes("role:master")) await traffic.during(10);
    },
    withinMs: 5_000,
    // High enough for each client to use up its limit.
    perSecond: 400,
    continuesMs: 2_000,
  });
  await stored.close();
  expect(failures(summary)).toBeGreaterThan(0);
  expect(summary.lost).toBeGreaterThan(10);
}

/** Returns a store that is closed after the test, before its servers. */
async function opened(store: Promise<Store> | Store): Promise<Store> {
  const open = await store;
  onTestFinished(() => open.close());
  return open;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

const textOf = (addresses: readonly Address[]): string =>
  addresses.map(({ host, port }) => `${host}:${port}`).join(",");

describe("after a failover, only lost writes are admitted again", () => {
  it.each<[client: string, open: (nodes: readonly Address[]) => Promise<Store>]>([
    ["ioredis", (nodes) => openStore(`redis-cluster://${textOf(nodes)}`)],
    [
      "node-redis",
      async (nodes) => {
        const rootNodes = nodes.map((socket) => ({ socket }));
        const client = createCluster({ rootNodes, defaults: forNodeRedis });
        onTestFinished(() => client.destroy());
        await client.connect();
        return redisStore({ client });
      },
    ],
  ])("in a Cluster, with %s", async (_, open) => {
    const cluster = await startRedisCluster({ masters: 3, replicas: 1 });
    onTestFinished(() => cluster.stop());
    const store = await opened(open(cluster.ports.map((port) => ({ host: "127.0.0.1", port }))));
    const [masterPort = 0, , , replicaPort = 0] = cluster.ports;
    await failsOver({ store, masterPort, replicaPort, killMaster: async () => cluster.nodes[0]?.kill() });
  });

  it.each<[client: string, open: (sentinels: readonly Address[], name: string) => Promise<Store>]>([
    ["ioredis", (sentinels, name) => openStore(`redis-sentinel://${textOf(sentinels)}/${name}`)],
    [
      "node-redis",
      async (sentinels, name) => {
        const client = createSentinel({ name, sentinelRootNodes: [...sentinels], nodeClientOptions: forNodeRedis });
        onTestFinished(() => client.destroy());
        await client.connect();
        return redisStore({ client });
      },
    ],
  ])("by a Sentinel, with %s", async (_, open) => {
    const { sentinels, name, master, replica, killMaster, stop } = await startRedisSentinel();
    onTestFinished(stop);
    const store = await opened(open(sentinels, name));
    await failsOver({ store, masterPort: master.port, replicaPort: replica.port, killMaster });
  });
});
