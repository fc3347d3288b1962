import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import { createClient, createCluster } from "redis";
import { createClient as createClient5, createCluster as createCluster5 } from "redis5";
import type { RedisClient } from "../src/index.js";

/** A connected client, and a function that closes it. */
export interface Connection {
  readonly client: RedisClient;
  end(): void;
}

const quiet = (): void => {};

/** Every client library that the store supports, for one server. */
export const connectors: Readonly<Record<string, (port: number) => Promise<Connection>>> = {
  async "ioredis 6"(port) {
    const client = new Redis(port, { maxRetriesPerRequest: null });
    client.on("error", quiet);
    return { client, end: () => client.disconnect() };
  },
  async "ioredis 5"(port) {
    const client = new Redis5(port, { maxRetriesPerRequest: null });
    client.on("error", quiet);
    return { client, end: () => client.disconnect() };
  },
  async "node-redis 6"(port) {
    const client = createClient({ socket: { port, host: "127.0.0.1" } });
    client.on("error", quiet);
    // If nothing listens, the client keeps trying. Calls wait until it succeeds or they time out.
    void client.connect().catch(quiet);
    return { client, end: () => client.destroy() };
  },
  async "node-redis 5"(port) {
    const client = createClient5({ socket: { port, host: "127.0.0.1" } });
    client.on("error", quiet);
    void client.connect().catch(quiet);
    return { client, end: () => client.destroy() };
  },
};

/** Every client library that the store supports, for a cluster. */
export const clusterConnectors: Readonly<Record<string, (ports: readonly number[]) => Promise<Connection>>> = {
  async "ioredis 6"(ports) {
    const client = new Cluster(ports.map((port) => ({ host: "127.0.0.1", port })));
    client.on("error", quiet);
    return { client, end: () => client.disconnect() };
  },
  async "ioredis 5"(ports) {
    const client = new Cluster5(ports.map((port) => ({ host: "127.0.0.1", port })));
    client.on("error", quiet);
    return { client, end: () => client.disconnect() };
  },
  async "node-redis 6"(ports) {
    const client = createCluster({ rootNodes: ports.map((port) => ({ socket: { host: "127.0.0.1", port } })) });
    client.on("error", quiet);
    await client.connect();
    return { client, end: () => client.destroy() };
  },
  async "node-redis 5"(ports) {
    const client = createCluster5({ rootNodes: ports.map((port) => ({ socket: { host: "127.0.0.1", port } })) });
    client.on("error", quiet);
    await client.connect();
    return { client, end: () => client.destroy() };
  },
};

/** Deletes everything on some servers. */
export async function flushAll(...ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const admin = new Redis(port);
    await admin.flushall();
    admin.disconnect();
  }
}
