// The store as other processes of the conformance suite open it: over the Redis servers on the given ports.
import { redisStore } from "@sluice/store-redis";
import { shardedStore } from "@sluice/store-sharded";
import { Redis } from "ioredis";

/** @param {string} setting ports with commas */
export function makeStore(setting) {
  return shardedStore(setting.split(",").map((port) => redisStore({ client: new Redis(Number(port)) })));
}
