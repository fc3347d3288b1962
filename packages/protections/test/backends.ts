import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDynamodb, startPostgres, startRedis, startRedisCluster } from "@sluice/servers";

// Node 20 is the oldest that is supported here; the SDK says with each process that it will not be there for ever.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

/** Somewhere to keep state, and the storage setting that names it. */
export interface Backend {
  readonly storage: string;
  stop(): Promise<void>;
}

/** Every backend that several processes share. */
export const backends: Readonly<Record<string, () => Promise<Backend>>> = {
  async Redis() {
    const server = await startRedis();
    return { storage: server.url, stop: () => server.stop() };
  },
  async "a Redis Cluster"() {
    const { ports, stop } = await startRedisCluster();
    return { storage: `redis-cluster://${ports.map((port) => `127.0.0.1:${port}`).join(",")}`, stop };
  },
  async PostgreSQL() {
    const server = await startPostgres({ settings: { max_connections: "200" } });
    return { storage: server.url, stop: () => server.stop() };
  },
  async DynamoDB() {
    const server = await startDynamodb();
    const query = new URLSearchParams({ region: "local", endpoint: server.url });
    return { storage: `dynamodb://local:local@protections?${query}`, stop: () => server.stop() };
  },
  async SQLite() {
    const folder = await mkdtemp(join(tmpdir(), "sluice-protections-"));
    return { storage: `sqlite:${join(folder, "state.db")}`, stop: () => rm(folder, { recursive: true, force: true }) };
  },
};
