import {
  type Admission,
  type Batcher,
  builtInAlgorithms,
  type CallOptions,
  type Claim,
  createBatcher,
  createUpdater,
  type DecidingStore,
  decideInOrder,
  type ExportEntries,
  groupsByTime,
  type HealthCheck,
  type ImportEntries,
  invalidOption,
  type Outcome,
  type PartDecider,
  partsOf,
  refundEntry,
  rejectUnknown,
  reportedAlgorithms,
  SluiceError,
} from "@sluice/core";
import { encodeBatch } from "./batch.js";
import { createCompareAndSet } from "./compare-and-set.js";
import { exportFrom } from "./exporter.js";
import { createImporter } from "./importer.js";
import { claimTag, redisKeyOf } from "./keys.js";
import { createLanes } from "./lanes.js";
import { readOutcomes } from "./read-outcomes.js";
import { commandsOf, type RedisClient } from "./redis-client.js";
import { runScript, storeFailed } from "./run-script.js";
import { decide } from "./scripts.generated.js";

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /** A connected client of ioredis or node-redis (the package `redis`), version 5 or 6. It stays yours to close. */
  client: RedisClient;
  /** Starts every Redis key: printable ASCII without braces. Default none: the limiter's own prefix follows. */
  prefix?: string;
}

/** A store on Redis. */
export interface RedisStore extends DecidingStore, HealthCheck, ExportEntries, ImportEntries {
  decide(admission: Admission, options?: CallOptions): Promise<Outcome>;
}

interface Call {
  readonly admission: Admission;
  readonly nowMs: number | undefined;
}

type Answer = Outcome | SluiceError;

/**
 * Callers that all wait for one batch come back at the same time. In two batches, Redis decides one of them while this
 * process makes and reads the other: measured at 1.7 times the rate with 64 callers where both have a core.
 */
const WORTH_SPLITTING = 16;

/** The tag of what lies in no particular slot, on a server without slots. */
const ONE_SLOT = "0";

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
  rejectUnknown(options, ["client", "prefix"], "redisStore");
  const { client, prefix = "" } = options;
  if (typeof prefix !== "string" || !/^[\x20-\x7a|~]{0,128}$/.test(prefix)) {
    throw invalidOption("prefix", prefix, "give up to 128 printable ASCII characters without braces");
  }
  const commands = commandsOf(client);
  const lanes = createLanes(prefix, commands.cluster);
  const update = createUpdater(createCompareAndSet(commands, lanes, prefix));
  const importAll = createImporter(commands, lanes, prefix);
  const batchers = new Map<string, Batcher<Call, Outcome>>();
  let closed = false;

  function checkOpen(): void {
    if (closed) throw new SluiceError("CLOSED", "the Redis store is closed");
  }

  async function send(tag: string, nowArgument: string, admissions: readonly Admission[]): Promise<readonly Answer[]> {
    const { keys, json } = encodeBatch(admissions, prefix);
    const reply = await lanes.use(tag, (lane) =>
      runScript(commands, decide, [lane.key, ...keys], [lane.number, nowArgument, json]),
    );
    return readOutcomes(reply, admissions);
  }

  /** One script call; or with times given for tests, one for each group of calls with the same time. */
  async function sendAll(tag: string, calls: readonly Call[]): Promise<readonly Answer[]> {
    const answers = await Promise.all(
      groupsByTime(calls).map((group) =>
        send(
          tag,
          String(group[0]?.nowMs ?? ""),
          group.map(({ admission }) => admission),
        ),
      ),
    );
    return answers.flat();
  }

  function batcherOf(tag: string): Batcher<Call, Outcome> {
    let batcher = batchers.get(tag);
    if (batcher === undefined) {
      batcher = createBatcher({ run: (calls) => sendAll(tag, calls), worthSplitting: WORTH_SPLITTING });
      batchers.set(tag, batcher);
    }
    return batcher;
  }

  /** Decides what one script can reach. */
  function decideTogether(admission: Admission, options: CallOptions | undefined): Promise<Outcome> {
    const tag = commands.cluster ? tagOfClaim(admission.claims[0] as Claim) : ONE_SLOT;
    return batcherOf(tag).add({ admission, nowMs: options?.nowMs }, options?.deadlineMs);
  }

  const store: RedisStore = {
    algorithms: reportedAlgorithms,

    decide(admission, options) {
      checkOpen();
      if (commands.cluster && admission.claims.length > 1) {
        const parts = partsOf(admission, tagOfClaim);
        if (parts.length > 1) {
          const undo: PartDecider["undo"] = (claim, { epochMs }, _options, chargedAtMs) =>
            store.atomicUpdate(
              claim.scope + claim.key,
              refundEntry(claim, builtInAlgorithms, epochMs, chargedAtMs),
              options,
            );
          return decideInOrder(admission, parts, { decide: decideTogether, undo }, options);
        }
      }
      return decideTogether(admission, options);
    },

    async atomicUpdate(entryKey, change, options) {
      checkOpen();
      return update(entryKey, change, options);
    },

    async delete(entryKey) {
      checkOpen();
      try {
        await commands.del(redisKeyOf(prefix, entryKey).redisKey);
      } catch (error) {
        throw storeFailed(error);
      }
    },

    async *exportEntries() {
      checkOpen();
      yield* exportFrom(commands, prefix);
    },

    async importEntries(entries) {
      checkOpen();
      return importAll(entries);
    },

    async healthCheck(options) {
      await store.atomicUpdate("sluice:health", () => undefined, options);
    },

    async close() {
      closed = true;
    },
  };
  return store;
}

function tagOfClaim({ scope, key }: Claim): string {
  return claimTag(scope, key);
}
