export type { ServerProcess } from "./child-process.js";
export { type DynamodbServer, startDynamodb } from "./dynamodb.js";
export { type Pgbouncer, startPgbouncer, systemPgbouncer } from "./pgbouncer.js";
export { type PostgresOptions, type PostgresServer, startPostgres } from "./postgres.js";
export { systemPostgres } from "./postgres-binaries.js";
export { type Proxy, startProxy } from "./proxy.js";
export { type RedisOptions, type RedisServer, startRedis } from "./redis.js";
export { type RedisCluster, startRedisCluster } from "./redis-cluster.js";
export { type RedisSentinel, startRedisSentinel } from "./redis-sentinel.js";
