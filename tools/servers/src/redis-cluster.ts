import { onFreePorts } from "./free-port.js";
import { type RedisServer, redisCommand, startRedisOn } from "./redis.js";
import { until } from "./until.js";

export interface RedisCluster {
  /** The masters, followed by the replicas: first one for each master in the same order, then the next ones. */
  readonly nodes: readonly RedisServer[];
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

const slots = 16_384;

export interface RedisClusterOptions {
  /** Default 3. */
  masters?: number;
  /** The number of replicas of each master. Default 0. */
  replicas?: number;
}

/** Starts a Redis Cluster. Resolves when every node serves all slots and every replica is in sync. */
export function startRedisCluster({ masters = 3, replicas = 0 }: RedisClusterOptions = {}): Promise<RedisCluster> {
  const count = masters * (1 + replicas);
  // Two ports per node, since the default port of the cluster bus, port + 10000, may be in use or too high.
  return onFreePorts(count * 2, async (free) => {
    const ports = free.slice(0, count);
    const busPorts = free.slice(count);
    const started = await Promise.allSettled(
      ports.map((port, i) =>
        startRedisOn(port, [
          ...["--cluster-enabled", "yes"],
          ...["--cluster-port", String(busPorts[i])],
          ...["--cluster-node-timeout", "2000"],
          ...["--repl-diskless-sync-delay", "0"],
        ]),
      ),
    );
    const nodes = started.flatMap((node) => (node.status === "fulfilled" ? [node.value] : []));
    const stop = async (): Promise<void> => {
      await Promise.all(nodes.map((node) => node.stop()));
    };
    try {
      for (const node of started) if (node.status === "rejected") throw node.reason;
      await join(ports, busPorts, masters);
    } catch (error) {
      await stop();
      throw error;
    }
    return { nodes, ports, stop };
  });
}

async function join(ports: number[], busPorts: number[], masters: number): Promise<void> {
  const [first = 0] = ports;
  const bound = (i: number) => Math.floor((i * slots) / masters);
  for (const [i, port] of ports.entries()) {
    if (i < masters) await redisCommand(port, "CLUSTER", "ADDSLOTSRANGE", bound(i), bound(i + 1) - 1);
    await redisCommand(port, "CLUSTER", "SET-CONFIG-EPOCH", i + 1);
    if (i > 0) await redisCommand(first, "CLUSTER", "MEET", "127.0.0.1", port, busPorts[i] ?? "");
  }
  await until("all nodes of the Redis Cluster serve all slots", async () => {
    const infos = await Promise.all(ports.map((port) => redisCommand(port, "CLUSTER", "INFO")));
    return infos.every(
      (info) => info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${ports.length}`),
    );
  });
  const replicas = ports.slice(masters);
  for (const [i, port] of replicas.entries()) {
    const master = await redisCommand(ports[i % masters] as number, "CLUSTER", "MYID");
    await redisCommand(port, "CLUSTER", "REPLICATE", master);
  }
  await until("all replicas of the Redis Cluster are in sync", async () => {
    const infos = await Promise.all(replicas.map((port) => redisCommand(port, "INFO", "replication")));
    return infos.every((info) => info.includes("master_link_status:up"));
  });
}
