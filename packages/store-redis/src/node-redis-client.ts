import { type Commands, hasMethods } from "./commands.js";

/** The parts of a node-redis client that the store uses: a client, pool, cluster or sentinel, version 4 to 6. */
export interface NodeRedisClient {
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  del(key: string): Promise<unknown>;
  connect(): Promise<unknown>;
  readonly isOpen: boolean;
  /** Of a cluster client. */
  readonly masters?: readonly object[];
  /** Of a cluster client: the client of one node. */
  nodeClient?(node: never): unknown;
}

/** Of a cluster client: the servers of each hash slot. */
interface Slots {
  readonly slots?: readonly ({ readonly master?: { readonly address?: string } } | undefined)[];
}

/** Whether a value is a client of node-redis whose methods return promises, rather than a transaction. */
export function isNodeRedis(client: unknown): client is NodeRedisClient {
  return (
    hasMethods(client, ["evalSha", "eval", "del", "on", "connect"]) &&
    typeof (client as NodeRedisClient).isOpen === "boolean" &&
    !isLegacy(client)
  );
}

/** Whether a value is a client of node-redis 4 in legacy mode, or `client.legacy()` of later ones: both take callbacks. */
export function isLegacy(client: unknown): boolean {
  const { options } = client as { readonly options?: { readonly legacyMode?: boolean } };
  return (
    hasMethods(client, ["evalSha"]) &&
    (options?.legacyMode === true || client?.constructor?.name === "RedisLegacyClient")
  );
}

/** Only a cluster client knows the masters of its slots. */
function isCluster(client: NodeRedisClient): boolean {
  return hasMethods(client, ["getSlotRandomNode"]) || "slots" in client;
}

/** A cluster client of version 4 does not find the keys of a script, and would ask any server. */
interface ClusterFour {
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>;
}

function isClusterFour(client: NodeRedisClient): client is NodeRedisClient & ClusterFour {
  return isCluster(client) && !hasMethods(client, ["destroy"]);
}

export function ofNodeRedis(client: NodeRedisClient): Commands {
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
    masterOf: (slot) => (client as Slots).slots?.[slot]?.master?.address,
    async masters() {
      if (!commands.cluster) return [commands];
      const nodes = await Promise.all((client.masters ?? []).map((node) => client.nodeClient?.(node as never)));
      return nodes.map((node) => ofNodeRedis(node as NodeRedisClient));
    },
  };
  return commands;
}
