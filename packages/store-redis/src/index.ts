export {
  type CustomRedisClient,
  customRedisClient,
  type IoredisClient,
  type NodeRedisClient,
  type RedisClient,
} from "./client.js";
export { type RedisStore, type RedisStoreOptions, redisStore } from "./redis-store.js";
