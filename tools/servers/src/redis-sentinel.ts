import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ServerProcess, startServer } from "./child-process.js";
import { onFreePorts } from "./free-port.js";
import { installRedis, type RedisServer, redisCommand, startRedis } from "./redis.js";
import { until } from "./until.js";

export interface RedisSentinel {
  /** The addresses with which a client finds the master. */
  readonly sentinels: readonly { host: string; port: number }[];
  readonly name: string;
  /** The master at the start; after `killMaster` the replica takes over. */
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** Kills the master as a crash would. The Sentinel promotes the replica about a second later. */
  killMaster(): Promise<void>;
  stop(): Promise<void>;
}

const name = "mymaster";

/** Starts a master, a replica in sync, and a Sentinel that fails over after 800 ms of silence. */
export async function startRedisSentinel(): Promise<RedisSentinel> {
  const running: ServerProcess[] = [];
  const stop = async (): Promise<void> => {
    // The Sentinel stops first, since it would otherwise start a failover.
    for (const server of running.toReversed()) await server.stop();
  };
  const keep = <T extends ServerProcess>(server: T): T => {
    running.push(server);
    return server;
  };
  try {
    const master = keep(await startRedis({ args: ["--repl-diskless-sync-delay", "0"] }));
    const replica = keep(await startRedis({ args: ["--replicaof", "127.0.0.1", String(master.port)] }));
    await until("the replica is in sync", async () =>
      (await redisCommand(replica.port, "INFO", "replication")).includes("master_link_status:up"),
    );
    const sentinel = keep(await onFreePorts(1, ([port]) => startSentinelOn(port as number, master.port)));
    await until("the Sentinel knows the replica", async () =>
      (await redisCommand(sentinel.port, "INFO", "sentinel")).includes("slaves=1"),
    );
    return {
      sentinels: [{ host: "127.0.0.1", port: sentinel.port }],
      name,
      master,
      replica,
      killMaster: () => master.kill(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startSentinelOn(port: number, masterPort: number): Promise<ServerProcess & { port: number }> {
  const server = await startServer({
    command: "redis-server",
    // The Sentinel rewrites its configuration, so it must be a file.
    args: async (folder) => {
      const file = join(folder, "sentinel.conf");
      const lines = [
        `port ${port}`,
        "bind 127.0.0.1",
        `dir "${folder}"`,
        `sentinel monitor ${name} 127.0.0.1 ${masterPort} 1`,
        `sentinel down-after-milliseconds ${name} 800`,
        `sentinel failover-timeout ${name} 3000`,
      ];
      await writeFile(file, `${lines.join("\n")}\n`);
      return [file, "--sentinel"];
    },
    ready: /Sentinel ID is/,
    install: installRedis,
  });
  return { ...server, port };
}
