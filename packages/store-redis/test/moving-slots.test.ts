import { createLimiter, fixedWindow, slidingLog, tokenBucket } from "@sluice/core";
import { startRedisCluster } from "@sluice/servers";
import { Cluster, Redis } from "ioredis";
import { afterAll, expect, it } from "vitest";
import { redisStore } from "../src/index.js";
import { redisKey, tagOf } from "../src/keys.js";
import { type Connection, clusterConnectors } from "./clients.js";

const cluster = await startRedisCluster({ masters: 2 });
const nodes = cluster.ports.map((port) => new Redis(port));
afterAll(async () => {
  for (const node of nodes) node.disconnect();
  await cluster.stop();
});

const [source, target] = nodes as [Redis, Redis];
const SCOPE = "sluice:window:fixed-window:";

const policies = [
  fixedWindow({ name: "window", limit: 3, window: "1h" }),
  tokenBucket({ name: "bucket", rate: 4, interval: "1h" }),
  slidingLog({ name: "log", limit: 5, window: "1h" }),
];

/** Returns unused keys of one hash slot on the first node. */
function keysOfOneSlot(name: string, count: number): { keys: readonly string[]; tag: string } {
  const bySlot = new Map<string, string[]>();
  for (let i = 0; ; i++) {
    const key = `${name} ${i}`;
    const tag = tagOf(SCOPE + key);
    const keys = [...(bySlot.get(tag) ?? []), key];
    bySlot.set(tag, keys);
    if (keys.length === count && slotOf(tag) < 8_192) return { keys, tag };
  }
}

function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0x3fff;
}

const connectors: Readonly<Record<string, (ports: readonly number[]) => Promise<Connection>>> = {
  ...clusterConnectors,
  async "ioredis 6 that retries immediately"(ports) {
    const options = { retryDelayOnTryAgain: 0 };
    const client = new Cluster(
      ports.map((port) => ({ host: "127.0.0.1", port })),
      options,
    );
    client.on("error", () => {});
    return { client, end: () => client.disconnect() };
  },
};

it.each(Object.entries(connectors))("decides while a slot moves, with %s", async (name, connect) => {
  const { keys, tag } = keysOfOneSlot(name, 4);
  const [known, moved, fresh, later] = keys as [string, string, string, string];
  const slot = slotOf(tag);
  const [sourceId, targetId] = (await Promise.all(nodes.map((node) => node.cluster("MYID")))) as [string, string];
  const connection = await connect(cluster.ports);
  try {
    const limiter = createLimiter({
      store: redisStore({ client: connection.client }),
      policies,
      timeout: "10s",
      denyCache: false,
    });
    for (const key of [known, moved]) expect((await limiter.consume(key)).source).toBe("store");
    await target.cluster("SETSLOT", slot, "IMPORTING", sourceId);
    await source.cluster("SETSLOT", slot, "MIGRATING", targetId);
    const names = ["window:fixed-window", "bucket:token-bucket"].map((each) => redisKey(`sluice:${each}:${moved}`));
    const port = cluster.ports[1] as number;
    await source.migrate("127.0.0.1", port, "", 0, 5_000, "KEYS", ...names);

    for (const [key, left] of [
      [known, 2],
      [moved, 2],
      [fresh, 3],
    ] as const) {
      const decisions = await Promise.all(Array.from({ length: 5 }, () => limiter.consume(key)));
      for (const { error } of decisions) if (error !== undefined) throw error;
      expect(decisions.filter(({ allowed }) => allowed).length, key).toBe(left);
    }
    await limiter.block(later, "1h");
    expect((await limiter.peek(later)).policies.map(({ blocked }) => blocked)).toEqual([true, true, true]);
    await limiter.reset(later);
    const decision = await limiter.consume(later, { cost: 3 });
    expect(await limiter.refund(decision)).toBe(true);
    expect((await limiter.peek(later)).policies.map(({ remaining }) => remaining)).toEqual([3, 4, 5]);

    const rest = await source.cluster("GETKEYSINSLOT", slot, 100);
    if (rest.length > 0) await source.migrate("127.0.0.1", port, "", 0, 5_000, "KEYS", ...(rest as string[]));
    for (const node of [target, source]) await node.cluster("SETSLOT", slot, "NODE", targetId);
    for (const key of [known, moved, fresh])
      expect(await limiter.consume(key)).toMatchObject({ allowed: false, source: "store" });
    expect(await limiter.consume(later, { cost: 3 })).toMatchObject({ allowed: true, source: "store" });
  } finally {
    connection.end();
  }
});
