import { SluiceError } from "@sluice/core";

/** What the store needs of an ioredis client: `Redis` or `Cluster`, version 5 or 6, Sentinel included. */
export interface IoredisClient {
  evalsha(sha1: string, numberOfKeys: number, ...args: string[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, ...args: string[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  readonly isCluster?: boolean;
  readonly options?: { readonly keyPrefix?: string | undefined };
  /** Of a `Cluster`. */
  nodes?(role: "master"): readonly IoredisClient[];
}

/** What the store needs of a node-redis client: of `createClient`, `createClientPool`, `createCluster` or `createSentinel`, version 5 or 6. */
export interface NodeRedisClient {
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  del(key: string): Promise<unknown>;
  /** Of a cluster client. */
  readonly masters?: readonly object[];
  /** Of a cluster client: the client of one node. */
  nodeClient?(node: never): unknown;
}

/** A Redis client of either library. The store sends commands on it and never closes it. */
export type RedisClient = IoredisClient | NodeRedisClient;

/** Both libraries as one. */
export interface Commands {
  evalsha(sha1: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  eval(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  /** Whether keys are spread over hash slots, so that one script can only reach those of one slot. */
  readonly cluster: boolean;
  /** What the client puts before every key that it knows to be one. */
  readonly keyPrefix: string;
  /** Each server that has keys: the masters of a cluster as they are now, otherwise the one. */
  masters(): Promise<readonly Commands[]>;
}

/** @throws SluiceError `INVALID_CLIENT` */
export function commandsOf(client: RedisClient): Commands {
  if (isFunction(client, "eval") && isFunction(client, "del")) {
    if (isFunction(client, "evalsha")) return ofIoredis(client as IoredisClient);
    if (isFunction(client, "evalSha")) return ofNodeRedis(client as NodeRedisClient);
  }
  throw new SluiceError(
    "INVALID_CLIENT",
    'option "client" is not a Redis client: give a client of ioredis (new Redis()) or of redis (createClient())',
  );
}

function ofIoredis(client: IoredisClient): Commands {
  const commands: Commands = {
    evalsha: (sha1, keys, args) => client.evalsha(sha1, keys.length, ...keys, ...args),
    eval: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
    del: (key) => client.del(key),
    cluster: client.isCluster === true,
    keyPrefix: client.options?.keyPrefix ?? "",
    masters: async () => client.nodes?.("master").map(ofIoredis) ?? [commands],
  };
  return commands;
}

function ofNodeRedis(client: NodeRedisClient): Commands {
  const commands: Commands = {
    evalsha: (sha1, keys, args) => client.evalSha(sha1, { keys: [...keys], arguments: [...args] }),
    eval: (script, keys, args) => client.eval(script, { keys: [...keys], arguments: [...args] }),
    del: (key) => client.del(key),
    // Only a cluster client knows the masters of its slots.
    cluster: isFunction(client, "getSlotRandomNode") || "slots" in client,
    keyPrefix: "",
    async masters() {
      if (!commands.cluster) return [commands];
      const nodes = await Promise.all((client.masters ?? []).map((node) => client.nodeClient?.(node as never)));
      return nodes.map((node) => ofNodeRedis(node as NodeRedisClient));
    },
  };
  return commands;
}

function isFunction(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[method] === "function";
}
