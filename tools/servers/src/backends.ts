import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDynamodb } from "./dynamodb.js";
import { startPostgres } from "./postgres.js";
import { startRedis } from "./redis.js";
import { startRedisCluster } from "./redis-cluster.js";

/** A running backend, and its URL for `openStore`. */
export interface Backend {
  readonly url: string;
  stop(): Promise<void>;
}

/** The backends that several processes can share, each with a function that starts it. */
export const backends: Readonly<Record<string, () => Promise<Backend>>> = {
  async Redis() {
    const server = await startRedis();
    return { url: server.url, stop: () => server.stop() };
  },
  async "a Redis Cluster"() {
    const { ports, stop } = await startRedisCluster();
    return { url: `redis-cluster://${ports.map((port) => `127.0.0.1:${port}`).join(",")}`, stop };
  },
  async PostgreSQL() {
    const server = await startPostgres({ settings: { max_connections: "200" } });
    return { url: server.url, stop: () => server.stop() };
  },
  async DynamoDB() {
    const server = await startDynamodb();
    const query = new URLSearchParams({ region: "local", endpoint: server.url });
    return { url: `dynamodb://local:local@limits?${query}`, stop: () => server.stop() };
  },
  async SQLite() {
    const folder = await mkdtemp(join(tmpdir(), "sluice-backend-"));
    return { url: `sqlite:${join(folder, "state.db")}`, stop: () => rm(folder, { recursive: true, force: true }) };
  },
};
