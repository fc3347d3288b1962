import { onFreePorts } from "./free-port.js";
import { type RedisServer, redisCommand, startRedisOn } from "./redis.js";
import { until } from "./until.js";

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

const slots = 16_384;

/** Starts a Redis Cluster of masters without replicas; resolves when every node serves all slots. */
export function startRedisCluster({ masters = 3 }: { masters?: number } = {}): Promise<RedisCluster> {
  // Two ports a node: the cluster bus defaults to port + 10000, which may be taken or not exist.
  return onFreePorts(masters * 2, async (free) => {
    const ports = free.slice(0, masters);
    const busPorts = free.slice(masters);
    const started = await Promise.allSettled(
      ports.map((port, i) =>
        startRedisOn(port, [
          ...["--cluster-enabled", "yes"],
          ...["--cluster-port", String(busPorts[i])],
          ...["--cluster-node-timeout", "2000"],
        ]),
      ),
    );
    const nodes = started.flatMap((node) => (node.status === "fulfilled" ? [node.value] : []));
    const stop = async (): Promise<void> => {
      await Promise.all(nodes.map((node) => node.stop()));
    };
    try {
      for (const node of started) if (node.status === "rejected") throw node.reason;
      await join(ports, busPorts);
    } catch (error) {
      await stop();
      throw error;
    }
    return { nodes, ports, stop };
  });
}

async function join(ports: number[], busPorts: number[]): Promise<void> {
  const [first = 0] = ports;
  const bound = (i: number) => Math.floor((i * slots) / ports.length);
  for (const [i, port] of ports.entries()) {
    await redisCommand(port, "CLUSTER", "ADDSLOTSRANGE", bound(i), bound(i + 1) - 1);
    await redisCommand(port, "CLUSTER", "SET-CONFIG-EPOCH", i + 1);
    if (i > 0) await redisCommand(first, "CLUSTER", "MEET", "127.0.0.1", port, busPorts[i] ?? "");
  }
  await until("all nodes of the Redis Cluster serve all slots", async () => {
    const infos = await Promise.all(ports.map((port) => redisCommand(port, "CLUSTER", "INFO")));
    return infos.every(
      (info) => info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${ports.length}`),
    );
  });
}
