import { SluiceError } from "@sluice/core/store";
import { type Commands, hasMethods } from "./commands.js";
import { type CustomRedisClient, isCustom, ofCustom } from "./custom-client.js";
import { type IoredisClient, isBun, isIoredis, ofIoredis } from "./ioredis-client.js";
import { isLegacy, isNodeRedis, type NodeRedisClient, ofNodeRedis } from "./node-redis-client.js";

/** A Redis client of one of the libraries, or {@link CustomRedisClient}. The store sends commands on it and never closes it. */
export type RedisClient = IoredisClient | NodeRedisClient | CustomRedisClient;

/** Whether a value is a client that the store can use. */
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

/** Says why a value is no client, for values that are passed by mistake. */
function mistakeOf(client: unknown): string {
  if (typeof client === "function") return "is a function or class, not a client: create one, such as new Redis()";
  if (typeof client !== "object" || client === null)
    return `is ${client === null ? "null" : typeof client}, not a client`;
  if (hasMethods(client, ["then"])) return "is a promise of a client: await it first";
  if (isLegacy(client)) return "takes callbacks (legacy mode of redis): pass the client without legacy mode";
  if (hasMethods(client, ["internal_send_command"])) return "is a client of redis 3 or older, which takes callbacks";
  if (hasMethods(client, ["exec"]) && !hasMethods(client, ["connect"])) {
    return "is a pipeline or transaction: pass the client that made it";
  }
  return "is an object that is not a supported Redis client";
}
