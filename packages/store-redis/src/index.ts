export type { IoredisClient, NodeRedisClient, RedisClient } from "./redis-client.js";
export { type RedisStore, type RedisStoreOptions, redisStore } from "./redis-store.js";
