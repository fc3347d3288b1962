import { check, checkOptions, SluiceError } from "@sluice/core/store";

/**
 * A Redis client of a supported library, or a {@link CustomRedisClient}. The store sends commands through it and never
 * closes it.
 */
export type RedisClient = IoredisClient | NodeRedisClient | CustomRedisClient;

/** The commands that the store sends, for any client. */
export interface Commands {
  evalsha(sha1: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  eval(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  /** True if keys are spread over hash slots, so that a script can reach only the keys of one slot. */
  readonly cluster: boolean;
  /** The address of the master that currently serves a hash slot. `undefined` if the client does not know it. */
  masterOf(slot: number): string | undefined;
  /** One client for each server that has keys: the current masters of a cluster, otherwise the only server. */
  masters(): Promise<readonly Commands[]>;
}

/** Returns whether a value is a client that the store can use. */
export function isRedisClient(value: unknown): value is RedisClient {
  return isIoredis(value) || isBun(value) || isNodeRedis(value) || isCustom(value);
}

/** @throws SluiceError `INVALID_CLIENT` */
export function commandsOf(client: RedisClient): Commands {
  if (isIoredis(client) || isBun(client)) return ofIoredis(client);
  if (isNodeRedis(client)) return ofNodeRedis(client);
  if (isCustom(client)) return ofCustom(client);
  throw new SluiceError(
    "INVALID_CLIENT",
    `option "client" ${mistakeOf(client)}. Pass a client of ioredis 4 to 6 (new Redis()), of redis 4.6 to 6 ` +
      "(createClient()) or of Bun (new RedisClient()); for every other client pass customRedisClient({ evalsha, eval, del })",
  );
}

/** Describes a value that was passed by mistake instead of a client. */
function mistakeOf(client: unknown): string {
  if (typeof client === "function") return "is a function or class, not a client: create one, such as new Redis()";
  if (typeof client !== "object" || client === null)
    return `is ${client === null ? "null" : typeof client}, not a client`;
  if (hasMethods(client, ["then"])) return "is a promise of a client: await it first";
  if (isLegacy(client)) return "takes callbacks (legacy mode of redis): pass the client without legacy mode";
  if (hasMethods(client, ["internal_send_command"])) return "is a client of redis 3 or older, which takes callbacks";
  if (hasMethods(client, ["exec"]) && !hasMethods(client, ["connect"])) {
    return "is a pipeline or transaction: pass the client that created it";
  }
  return "is an object that is not a supported Redis client";
}

/** Returns whether a value has all of these methods. */
function hasMethods(value: unknown, methods: readonly string[]): boolean {
  const object = value as Readonly<Record<string, unknown>> | null | undefined;
  return methods.every((method) => typeof object?.[method] === "function");
}

/** The parts of an ioredis client that the store uses: `Redis` or `Cluster`, version 4 to 6, Sentinel included. */
export interface IoredisClient {
  evalsha(sha1: string, numberOfKeys: number, ...args: string[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, ...args: string[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  connect(): Promise<unknown>;
  /** Absent from the client of Bun. */
  readonly status?: string;
  readonly isCluster?: boolean;
  /** Exists only on a `Cluster`. */
  nodes?(role: "master"): readonly object[];
}

/** Exists only on a `Cluster`: the addresses of the servers of each hash slot, master first. Not documented by ioredis. */
interface IoredisSlots {
  readonly slots?: readonly (readonly string[] | undefined)[];
}

/** Returns whether a value is an ioredis client, connected or connecting, and not a pipeline or a mock. */
function isIoredis(client: unknown): client is IoredisClient {
  return (
    hasMethods(client, ["evalsha", "eval", "del", "on", "connect", "disconnect", "sendCommand"]) &&
    typeof (client as IoredisClient).status === "string"
  );
}

/** Returns whether a value is Bun's `RedisClient`, which has the same methods as an ioredis client. */
function isBun(client: unknown): client is IoredisClient {
  return (
    hasMethods(client, ["evalsha", "eval", "del", "connect", "close", "send"]) &&
    typeof (client as { connected?: unknown }).connected === "boolean"
  );
}

function ofIoredis(client: IoredisClient): Commands {
  const commands: Commands = {
    evalsha: (sha1, keys, args) => client.evalsha(sha1, keys.length, ...keys, ...args),
    eval: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
    del: (key) => client.del(key),
    cluster: client.isCluster === true,
    masterOf: (slot) => (client as IoredisSlots).slots?.[slot]?.[0],
    masters: async () => client.nodes?.("master").map((node) => ofIoredis(node as IoredisClient)) ?? [commands],
  };
  return commands;
}

/** The parts of a node-redis client that the store uses: a client, pool, cluster or sentinel, version 4 to 6. */
export interface NodeRedisClient {
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  del(key: string): Promise<unknown>;
  connect(): Promise<unknown>;
  readonly isOpen: boolean;
  /** Exists only on a cluster client. */
  readonly masters?: readonly object[];
  /** Exists only on a cluster client: returns the client of one node. */
  nodeClient?(node: never): unknown;
}

/** Exists only on a cluster client: the servers of each hash slot. */
interface NodeRedisSlots {
  readonly slots?: readonly ({ readonly master?: { readonly address?: string } } | undefined)[];
}

/** Returns whether a value is a node-redis client whose methods return promises, and not a transaction. */
function isNodeRedis(client: unknown): client is NodeRedisClient {
  return (
    hasMethods(client, ["evalSha", "eval", "del", "on", "connect"]) &&
    typeof (client as NodeRedisClient).isOpen === "boolean" &&
    !isLegacy(client)
  );
}

/**
 * Returns whether a value is a node-redis 4 client in legacy mode, or the result of `legacy()` in later versions. Both take
 * callbacks.
 */
function isLegacy(client: unknown): boolean {
  const { options } = client as { readonly options?: { readonly legacyMode?: boolean } };
  return (
    hasMethods(client, ["evalSha"]) &&
    (options?.legacyMode === true || client?.constructor?.name === "RedisLegacyClient")
  );
}

/** Returns whether the client is a cluster client, the only one that knows the masters of its slots. */
function isCluster(client: NodeRedisClient): boolean {
  return hasMethods(client, ["getSlotRandomNode"]) || "slots" in client;
}

/** A cluster client of version 4. It does not find the keys of a script, and would send it to any server. */
interface ClusterFour {
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>;
}

function isClusterFour(client: NodeRedisClient): client is NodeRedisClient & ClusterFour {
  return isCluster(client) && !hasMethods(client, ["destroy"]);
}

function ofNodeRedis(client: NodeRedisClient): Commands {
  const four = isClusterFour(client) ? client : undefined;
  const commands: Commands = {
    evalsha: (sha1, keys, args) =>
      four?.sendCommand(keys[0] as string, false, ["EVALSHA", sha1, String(keys.length), ...keys, ...args]) ??
      client.evalSha(sha1, { keys: [...keys], arguments: [...args] }),
    eval: (script, keys, args) =>
      four?.sendCommand(keys[0] as string, false, ["EVAL", script, String(keys.length), ...keys, ...args]) ??
      client.eval(script, { keys: [...keys], arguments: [...args] }),
    del: (key) => client.del(key),
    cluster: isCluster(client),
    masterOf: (slot) => (client as NodeRedisSlots).slots?.[slot]?.master?.address,
    async masters() {
      if (!commands.cluster) return [commands];
      const nodes = await Promise.all((client.masters ?? []).map((node) => client.nodeClient?.(node as never)));
      return nodes.map((node) => ofNodeRedis(node as NodeRedisClient));
    },
  };
  return commands;
}

/**
 * A Redis client of any other library, as three functions. Each resolves to Redis's reply: integers as numbers, big
 * integers or decimal text, and text as strings or Buffers. Each rejects if Redis replied with an error, and the error's
 * message then starts with Redis's text.
 */
export interface CustomRedisClient {
  /** Sends `EVALSHA sha1 keys.length ...keys ...args`. */
  evalsha(sha1: string, keys: string[], args: string[]): Promise<unknown>;
  /** Sends `EVAL script keys.length ...keys ...args`. */
  eval(script: string, keys: string[], args: string[]): Promise<unknown>;
  /** Sends `DEL key`. */
  del(key: string): Promise<unknown>;
}

const METHODS = ["evalsha", "eval", "del"] as const;

/**
 * Checks the functions of a custom client.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { customRedisClient, redisStore } from "@sluice/store-redis";
 * import { Redis } from "@upstash/redis";
 *
 * const redis = new Redis({ url: "https://example.upstash.io", token: "…", automaticDeserialization: false, retry: false });
 * const client = customRedisClient({
 *   evalsha: (sha1, keys, args) => redis.evalsha(sha1, keys, args),
 *   eval: (script, keys, args) => redis.eval(script, keys, args),
 *   del: (key) => redis.del(key),
 * });
 * const store = redisStore({ client });
 * ```
 */
export function customRedisClient(client: CustomRedisClient): CustomRedisClient {
  checkOptions(client, { evalsha: "function", eval: "function", del: "function" }, "customRedisClient");
  for (const method of METHODS) check(method, client[method], "function");
  return client;
}

/** Returns whether a value is a custom client, which is a plain object. Clients of libraries are never plain objects. */
function isCustom(client: unknown): client is CustomRedisClient {
  if (typeof client !== "object" || client === null || !hasMethods(client, METHODS)) return false;
  const prototype: unknown = Object.getPrototypeOf(client);
  return prototype === Object.prototype || prototype === null;
}

function ofCustom(client: CustomRedisClient): Commands {
  const commands: Commands = {
    evalsha: (sha1, keys, args) => client.evalsha(sha1, [...keys], [...args]),
    eval: (script, keys, args) => client.eval(script, [...keys], [...args]),
    del: (key) => client.del(key),
    cluster: false,
    masterOf: () => undefined,
    masters: async () => [commands],
  };
  return commands;
}
