import { createHash } from "node:crypto";
import { type BatcherOptions, createBatchers } from "@sluice/core/kit";
import {
  type CallOptions,
  type ConnectionErrors,
  checkOptions,
  createRemoteStore,
  type RemoteStore,
  SluiceError,
  storeTimeout,
} from "@sluice/core/store";
import { commandsOf, isRedisClient, type RedisClient } from "./client.js";
import { createConnection } from "./connection.js";
import { createSlots, ONE_SLOT, redisKey, type Slots, tagOf } from "./keys.js";
import { isServerError, malformedReply } from "./replies.js";
import { createScripts } from "./scripts.js";

/**
 * Callers that wait for the same batch return at the same time. With two batches, Redis decides one while this process
 * builds and reads the other: 1.7 times the rate with 64 callers, measured with a core for each.
 */
const WORTH_SPLITTING = 16;

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /**
   * A client of ioredis 4 to 6, of node-redis (the package `redis`) 4.6 to 6 or of Bun, or a `customRedisClient`. The store
   * never closes it.
   */
  client: RedisClient;
  /**
   * True for a cluster behind one address whose client is not a cluster client. Default: detected from the first reply.
   */
  cluster?: boolean | undefined;
  /**
   * Closes the client's connection and connects again. The store calls it, at most once a second, if the connection no
   * longer works: the server is a read-only replica, or has not answered for 2 seconds.
   */
  reconnect?: (() => unknown) | undefined;
}

/** A store on Redis. */
export interface RedisStore extends RemoteStore, ConnectionErrors {}

/**
 * Creates a store on Redis 6.2 or newer, Valkey, a Sentinel setup or a Cluster. Decisions use the server's clock.
 * Concurrent decisions share one script call. On a Cluster, only those of one hash slot do.
 *
 * All policies of one key are in one hash slot. On a Cluster, policies with different keys are charged one after the other,
 * and refunded if a later one denies (see `decideInOrder` in core). The store never admits too much. But other requests may
 * be denied for a moment because of a charge that is then refunded.
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
  checkOptions(options, { client: "any", cluster: "boolean", reconnect: "function" }, "redisStore");
  const { client, cluster = false, reconnect } = options;
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
    partOf: (key) => slots.serverOf(tagOf(key)),
    batches: {
      clock: "once",
      worthSplitting: WORTH_SPLITTING,
      queueOf: ({ claims: [claim] }, keyOf) =>
        slots.split && claim !== undefined ? slots.serverOf(tagOf(keyOf(claim))) : ONE_SLOT,
      send: scripts.decide,
      malformed: malformedReply,
    },
    compareAndSet: (key, write, options) => singly(key, () => scripts.compareAndSet(key, write, options), options),
    remove: (key, options) => singly(key, () => connection.del(redisKey(key)), options),
    pages: scripts.pages,
    imports: { size: 256, atOnce: 32, write: scripts.writePage },
  });
  return { ...store, connectionError: () => connection.error() };
}

/** Sends a command for one stored key, unless its deadline has passed. */
type Singly = <T>(key: string, send: () => Promise<T>, options: CallOptions | undefined) => Promise<T>;

/** Commands that can't share a script are limited too, so that an outage leaves no queue in the client. */
function createSingly(slots: Slots): Singly {
  const batcherOf = createBatchers<() => Promise<unknown>, unknown>(singleCalls);
  return async <T>(key: string, send: () => Promise<T>, { deadlineMs, probe }: CallOptions = {}) => {
    const queue = slots.split ? slots.serverOf(tagOf(key)) : ONE_SLOT;
    return (await batcherOf(queue).add(send, deadlineMs, probe)) as T;
  };
}

/** A server may be frozen if it has not answered for this long and for two round trips. */
const HESITATE_MS = 25;

/**
 * Sends the calls of a batch at the same time. If the server may be frozen, sends one call first, and the others after its
 * reply.
 */
function singleCalls(): BatcherOptions<() => Promise<unknown>, unknown> {
  /** When the first call after the last reply was sent. */
  let silentSinceMs: number | undefined;
  let roundTripMs = 0;

  async function attempt(send: () => Promise<unknown>): Promise<unknown> {
    const sentMs = performance.now();
    silentSinceMs ??= sentMs;
    const answer = await send().catch((error: SluiceError) => error);
    silentSinceMs = undefined;
    roundTripMs = performance.now() - sentMs;
    return answer;
  }

  return {
    async run(sends, deadlineMs) {
      const silentMs = silentSinceMs === undefined ? 0 : performance.now() - silentSinceMs;
      const first = silentMs > HESITATE_MS + 2 * roundTripMs ? 1 : sends.length;
      const answers = await Promise.all(sends.slice(0, first).map(attempt));
      throwUnreachable(answers);
      const isLate = performance.now() >= deadlineMs;
      const others = sends.slice(first).map((send) => (isLate ? tooLate() : attempt(send)));
      return [...answers, ...(await Promise.all(others))];
    },
  };
}

function tooLate(): SluiceError {
  return storeTimeout("Redis did not answer an earlier call in time; this one was not sent");
}

/** Fails a batch if no call of it reached the server, so that the batcher probes it. */
function throwUnreachable(answers: readonly unknown[]): void {
  const unreachable = answers.every((answer) => answer instanceof SluiceError && !isServerError(answer.cause));
  if (unreachable && answers.length > 0) throw answers[0];
}
