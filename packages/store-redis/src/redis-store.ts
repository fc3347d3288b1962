import {
  type Admission,
  builtInAlgorithms,
  type CallOptions,
  type ConnectionErrors,
  createUpdater,
  type DecidingStore,
  type ExportEntries,
  type HealthCheck,
  type ImportEntries,
  invalidOption,
  type Outcome,
  rejectUnknown,
  SluiceError,
} from "@sluice/core/store";
import { createCompareAndSet } from "./compare-and-set.js";
import { createConnection } from "./connection.js";
import { createDecisions } from "./decisions.js";
import { exportFrom } from "./exporter.js";
import { createImporter } from "./importer.js";
import { redisKeyOf } from "./keys.js";
import { createLanes } from "./lanes.js";
import { createMovingSlots } from "./moving-slots.js";
import { createSingly } from "./places.js";
import { commandsOf, isRedisClient, type RedisClient } from "./redis-client.js";
import { createSlots } from "./slots.js";

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /**
   * A client of ioredis 4 to 6, of node-redis (the package `redis`) 4.6 to 6 or of Bun, or a `customRedisClient`. It stays
   * yours to close.
   */
  client: RedisClient;
  /** Starts every Redis key: printable ASCII without braces. Default none: the limiter's own prefix follows. */
  prefix?: string | undefined;
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
export interface RedisStore extends DecidingStore, ConnectionErrors, HealthCheck, ExportEntries, ImportEntries {
  decide(admission: Admission, options?: CallOptions): Promise<Outcome>;
}

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
  rejectUnknown(options, ["client", "prefix", "cluster", "reconnect"], "redisStore");
  const { client, prefix = "", cluster = false, reconnect } = options;
  if (typeof prefix !== "string" || !/^[\x20-\x7a|~]{0,128}$/.test(prefix)) {
    throw invalidOption("prefix", prefix, "give up to 128 printable ASCII characters without braces");
  }
  if (typeof cluster !== "boolean") throw invalidOption("cluster", cluster, "must be a boolean");
  if (reconnect !== undefined && typeof reconnect !== "function") {
    throw invalidOption("reconnect", reconnect, "must be a function, such as () => client.disconnect(true)");
  }
  const connection = createConnection(commandsOf(client), client, reconnect);
  const slots = createSlots(connection, cluster || connection.cluster);
  const lanes = createLanes(prefix, true);
  const singly = createSingly(slots);
  const moving = createMovingSlots();
  const update = createUpdater(createCompareAndSet(connection, lanes, slots, moving, singly, prefix));
  const decide = createDecisions(connection, lanes, slots, moving, prefix, update);
  const importAll = createImporter(connection, lanes, slots, prefix);
  let closed = false;

  function checkOpen(): void {
    if (closed) throw new SluiceError("CLOSED", "the Redis store is closed");
  }

  const store: RedisStore = {
    algorithms: new Set(builtInAlgorithms.keys()),

    decide(admission, options) {
      checkOpen();
      return decide(admission, options);
    },

    async atomicUpdate(entryKey, change, options) {
      checkOpen();
      return update(entryKey, change, options);
    },

    async delete(entryKey, options) {
      checkOpen();
      const { redisKey, tag } = redisKeyOf(prefix, entryKey);
      await singly(tag, () => connection.del(redisKey), options?.deadlineMs);
    },

    async *exportEntries() {
      checkOpen();
      yield* exportFrom(connection, prefix);
    },

    async importEntries(entries) {
      checkOpen();
      return importAll(entries);
    },

    async healthCheck(options) {
      await store.atomicUpdate("sluice:health", () => undefined, options);
    },

    connectionError: () => connection.error(),

    async close() {
      closed = true;
    },
  };
  return store;
}
