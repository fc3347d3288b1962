import { invalidOption, rejectUnknown } from "@sluice/core/store";
import { type Commands, hasMethods } from "./commands.js";

/**
 * A Redis client of any other library, as three functions. Each resolves to the reply of Redis: integers as numbers, big
 * integers or decimal text, and text as strings or Buffers. It rejects when Redis replied with an error, whose text then
 * starts the message.
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
  rejectUnknown(client, METHODS, "customRedisClient");
  for (const method of METHODS) {
    if (!hasMethods(client, [method])) throw invalidOption(method, client[method], "must be a function");
  }
  return client;
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
    cluster: false,
    masterOf: () => undefined,
    masters: async () => [commands],
  };
  return commands;
}
