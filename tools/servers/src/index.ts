export type { ServerProcess } from "./child-process.js";
export { type RedisOptions, type RedisServer, startRedis } from "./redis.js";
export { type RedisCluster, startRedisCluster } from "./redis-cluster.js";
export { type RedisSentinel, startRedisSentinel } from "./redis-sentinel.js";
