import { createHash } from "node:crypto";
import {
  type ConnectionErrors,
  createRemoteStore,
  invalidOption,
  type RemoteStore,
  rejectUnknown,
  SluiceError,
} from "@sluice/core/store";
import { commandsOf, isRedisClient, type RedisClient } from "./client.js";
import { createConnection } from "./connection.js";
import { createSlots, ONE_SLOT, redisKey, tagOf } from "./keys.js";
import { malformedReply } from "./replies.js";
import { createScripts } from "./scripts.js";
import { createSingly } from "./singly.js";

/**
 * Callers that all wait for one batch come back at the same time. In two batches, Redis decides one of them while this
 * process makes and reads the other: measured at 1.7 times the rate with 64 callers where both have a core.
 */
const WORTH_SPLITTING = 16;

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /**
   * A client of ioredis 4 to 6, of node-redis (the package `redis`) 4.6 to 6 or of Bun, or a `customRedisClient`. It stays
   * yours to close.
   */
  client: RedisClient;
  /**
   * True for a cluster behind one address, with a client that is not a cluster client. Default: found out by its first
   * reply.
   */
  cluster?: boolean | undefined;
  /**
   * Ends the client's connection and connects again. The store calls it, at most once a second, when the connection is
   * useless: the server is a read-only replica, or has not answered for 2 seconds.
   */
  reconnect?: (() => unknown) | undefined;
}

/** A store on Redis. */
export interface RedisStore extends RemoteStore, ConnectionErrors {}

/**
 * A store on Redis 6.2 or newer, Valkey, a Sentinel setup or a Cluster. The server's clock decides. Concurrent decisions
 * share one script call, on a Cluster those of one hash slot.
 *
 * All policies of one key lie in one hash slot. On a Cluster, policies with different keys are charged one after the
 * other and taken back when a later one denies (see `decideInOrder` in core): never one too many, but for a moment
 * others may be denied for a charge that is then taken back.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { createLimiter } from "@sluice/core";
 * import { redisStore } from "@sluice/store-redis";
 * import { Redis } from "ioredis";
 *
 * const client = new Redis("redis://127.0.0.1:6379");
 * const limiter = createLimiter({ store: redisStore({ client }) });
 * ```
 */
export function redisStore(options: RedisStoreOptions): RedisStore {
  if (isRedisClient(options)) {
    throw new SluiceError("INVALID_CLIENT", "redisStore got a client instead of options: write redisStore({ client })");
  }
  rejectUnknown(options, ["client", "cluster", "reconnect"], "redisStore");
  const { client, cluster = false, reconnect } = options;
  if (typeof cluster !== "boolean") throw invalidOption("cluster", cluster, "must be a boolean");
  if (reconnect !== undefined && typeof reconnect !== "function") {
    throw invalidOption("reconnect", reconnect, "must be a function, such as () => client.disconnect(true)");
  }
  const connection = createConnection(commandsOf(client), client, reconnect);
  const slots = createSlots(connection, cluster || connection.cluster);
  const scripts = createScripts(connection, slots);
  const singly = createSingly(slots);
  const store = createRemoteStore({
    name: "Redis",
    createHash,
    places: {
      get split() {
        return slots.split;
      },
      of: tagOf,
    },
    batches: {
      clock: "once",
      worthSplitting: WORTH_SPLITTING,
      queueOf: ({ claims: [claim] }, keyOf) =>
        slots.split && claim !== undefined ? slots.serverOf(tagOf(keyOf(claim))) : ONE_SLOT,
      send: scripts.decide,
      malformed: malformedReply,
    },
    compareAndSet: (key, write, options) =>
      singly(key, () => scripts.compareAndSet(key, write, options), options?.deadlineMs),
    remove: (key, { deadlineMs }) => singly(key, () => connection.del(redisKey(key)), deadlineMs),
    pages: scripts.pages,
    imports: { size: 256, atOnce: 32, write: scripts.writePage },
  });
  return { ...store, connectionError: () => connection.error() };
}
