import { type Commands, hasMethods } from "./commands.js";

/** The parts of an ioredis client that the store uses: `Redis` or `Cluster`, version 4 to 6, Sentinel included. */
export interface IoredisClient {
  evalsha(sha1: string, numberOfKeys: number, ...args: string[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, ...args: string[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  connect(): Promise<unknown>;
  /** Absent from the client of Bun. */
  readonly status?: string;
  readonly isCluster?: boolean;
  /** Of a `Cluster`. */
  nodes?(role: "master"): readonly object[];
}

/** The addresses of the servers of each hash slot, the master's first. Of a `Cluster`; ioredis does not document it. */
interface Slots {
  readonly slots?: readonly (readonly string[] | undefined)[];
}

/** Whether a value is a connected or connecting client of ioredis, rather than a pipeline or a mock. */
export function isIoredis(client: unknown): client is IoredisClient {
  return (
    hasMethods(client, ["evalsha", "eval", "del", "on", "connect", "disconnect", "sendCommand"]) &&
    typeof (client as IoredisClient).status === "string"
  );
}

/** Whether a value is the `RedisClient` of Bun, whose methods are called as those of ioredis. */
export function isBun(client: unknown): client is IoredisClient {
  return (
    hasMethods(client, ["evalsha", "eval", "del", "connect", "close", "send"]) &&
    typeof (client as { connected?: unknown }).connected === "boolean"
  );
}

export function ofIoredis(client: IoredisClient): Commands {
  const commands: Commands = {
    evalsha: (sha1, keys, args) => client.evalsha(sha1, keys.length, ...keys, ...args),
    eval: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
    del: (key) => client.del(key),
    cluster: client.isCluster === true,
    masterOf: (slot) => (client as Slots).slots?.[slot]?.[0],
    masters: async () => client.nodes?.("master").map((node) => ofIoredis(node as IoredisClient)) ?? [commands],
  };
  return commands;
}
