// Opens the store in the other processes of the conformance suite, over the Redis servers on the given ports.
import { redisStore } from "@sluice/store-redis";
import { shardedStore } from "@sluice/store-sharded";
import { Redis } from "ioredis";

/** @param {string} setting ports with commas */
export function makeStore(setting) {
  return shardedStore(setting.split(",").map((port) => redisStore({ client: new Redis(Number(port)) })));
}
