import { SluiceError } from "@sluice/core";
import { type Commands, hasMethods } from "./commands.js";

/**
 * A Redis client of any other kind, as three functions. Each resolves to the reply of Redis, integers as numbers, big
 * integers or decimal text, and text as strings or Buffers; and rejects when Redis replied with an error, with its text
 * at the start of the message.
 */
export interface CustomRedisClient {
  /** Sends `EVALSHA sha1 keys.length ...keys ...args`. */
  evalsha(sha1: string, keys: string[], args: string[]): Promise<unknown>;
  /** Sends `EVAL script keys.length ...keys ...args`. */
  eval(script: string, keys: string[], args: string[]): Promise<unknown>;
  /** Sends `DEL key`. */
  del(key: string): Promise<unknown>;
  /** Whether the keys of one command must lie in one hash slot, as on a Redis Cluster. Default: found out by the first reply. */
  cluster?: boolean | undefined;
}

const METHODS = ["evalsha", "eval", "del"] as const;

/**
 * Checks a custom client, and types it. It must never send a command again by itself when the reply was lost.
 *
 * @throws SluiceError `INVALID_CLIENT`
 *
 * @example
 * ```ts
 * import { customRedisClient, redisStore } from "@sluice/store-redis";
 * import { Redis } from "@upstash/redis";
 *
 * const redis = new Redis({ url: "https://example.upstash.io", token: "…", automaticDeserialization: false });
 * const client = customRedisClient({
 *   evalsha: (sha1, keys, args) => redis.evalsha(sha1, keys, args),
 *   eval: (script, keys, args) => redis.eval(script, keys, args),
 *   del: (key) => redis.del(key),
 * });
 * const store = redisStore({ client });
 * ```
 */
export function customRedisClient(client: CustomRedisClient): CustomRedisClient {
  for (const method of METHODS) {
    if (!hasMethods(client, [method])) {
      throw new SluiceError(
        "INVALID_CLIENT",
        `customRedisClient needs the functions ${METHODS.join(", ")}, and "${method}" is missing: pass an object with all three`,
      );
    }
  }
  const { cluster } = client;
  if (cluster !== undefined && typeof cluster !== "boolean") {
    throw new SluiceError(
      "INVALID_CLIENT",
      'option "cluster" of customRedisClient must be a boolean: pass true for a Redis Cluster',
    );
  }
  return {
    evalsha: (sha1, keys, args) => client.evalsha(sha1, keys, args),
    eval: (script, keys, args) => client.eval(script, keys, args),
    del: (key) => client.del(key),
    cluster,
  };
}

/** Whether a value is a custom client: a plain object, which clients of other libraries never are. */
export function isCustom(client: unknown): client is CustomRedisClient {
  if (typeof client !== "object" || client === null || !hasMethods(client, METHODS)) return false;
  const prototype: unknown = Object.getPrototypeOf(client);
  return prototype === Object.prototype || prototype === null;
}

export function ofCustom(client: CustomRedisClient): Commands {
  const commands: Commands = {
    evalsha: (sha1, keys, args) => client.evalsha(sha1, [...keys], [...args]),
    eval: (script, keys, args) => client.eval(script, [...keys], [...args]),
    del: (key) => client.del(key),
    cluster: client.cluster === true,
    masterOf: () => undefined,
    masters: async () => [commands],
  };
  return commands;
}
