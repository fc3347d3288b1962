import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient } from "redis";
import { createClient as createClient5 } from "redis5";
import type { RedisStoreOptions } from "../src/index.js";

/** A client with the settings of the README, and the store options for it. */
export interface Tuned {
  readonly options: RedisStoreOptions;
  end(): void;
}

export const forIoredis = {
  connectTimeout: 1_000,
  socketTimeout: 1_000,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  retryStrategy: (attempt: number) => Math.min(attempt * 50, 500),
  reconnectOnError: (error: Error) => error.message.includes("READONLY"),
};

export const forNodeRedis = {
  pingInterval: 400,
  socket: {
    connectTimeout: 1_000,
    socketTimeout: 800,
    reconnectStrategy: (attempt: number) => Math.min(attempt * 50, 500),
  },
};

/** Every library with the settings recommended in the README. */
export const tuned: Readonly<Record<string, (port: number) => Tuned>> = {
  "ioredis 6"(port) {
    const client = new Redis({ port, ...forIoredis });
    return { options: { client }, end: () => client.disconnect() };
  },
  "ioredis 5"(port) {
    const client = new Redis5({ port, ...forIoredis });
    return { options: { client }, end: () => client.disconnect() };
  },
  "node-redis 6"(port) {
    const client = createClient({ ...forNodeRedis, socket: { ...forNodeRedis.socket, host: "127.0.0.1", port } });
    const reconnect = async () => {
      client.destroy();
      await client.connect();
    };
    void client.connect();
    return { options: { client, reconnect }, end: () => client.destroy() };
  },
  "node-redis 5"(port) {
    const client = createClient5({ ...forNodeRedis, socket: { ...forNodeRedis.socket, host: "127.0.0.1", port } });
    const reconnect = async () => {
      client.destroy();
      await client.connect();
    };
    void client.connect();
    return { options: { client, reconnect }, end: () => client.destroy() };
  },
};
