export { type CustomRedisClient, customRedisClient } from "./custom-client.js";
export type { IoredisClient } from "./ioredis-client.js";
export type { NodeRedisClient } from "./node-redis-client.js";
export type { RedisClient } from "./redis-client.js";
export { type RedisStore, type RedisStoreOptions, redisStore } from "./redis-store.js";
