import {
  type Admission,
  builtInAlgorithms,
  type CallOptions,
  type ConnectionErrors,
  createUpdater,
  type DecidingStore,
  type Duration,
  type ExportEntries,
  type HealthCheck,
  type ImportEntries,
  invalidOption,
  type Outcome,
  parseDuration,
  rejectUnknown,
  repeatEvery,
  SluiceError,
} from "@sluice/core/store";
import { encodeBatch } from "./batch.js";
import { createCaller } from "./caller.js";
import { createCompareAndSet } from "./compare-and-set.js";
import { databaseOf } from "./database.js";
import { createDecider } from "./decider.js";
import { rowKeyOf } from "./keys.js";
import { checkDurable, type MigrationOptions, migrateOn } from "./migrate.js";
import { exportFrom, importInto } from "./moving.js";
import { renamer } from "./names.js";
import type { PostgresClient } from "./postgres-client.js";
import { statementsFor } from "./statements.js";
import { createSweeper } from "./sweeper.js";

/** Options of {@link postgresStore}. */
export interface PostgresStoreOptions extends MigrationOptions {
  /** A `Pool` or a connected `Client` of `pg`, a client that `postgres()` returned, or `SQL` of Bun. It stays yours to end. */
  client: PostgresClient;
  /**
   * Whether each connection prepares the statements once, under names. Turn it off behind a pooler in transaction mode
   * that does not know of prepared statements. Default true.
   */
  namedStatements?: boolean | undefined;
  /**
   * Sweeps all expired entries away every so often. Of several processes with this option one does it each time. Default:
   * never, {@link PostgresStore.sweep} does it.
   */
  sweepEvery?: Duration | undefined;
  /** Hears of a sweep by `sweepEvery` that failed; the next one is made all the same. */
  onSweepError?: ((error: unknown) => void) | undefined;
}

/** A store on PostgreSQL. */
export interface PostgresStore extends DecidingStore, HealthCheck, ConnectionErrors, ExportEntries, ImportEntries {
  decide(admission: Admission, options?: CallOptions): Promise<Outcome>;
  /** {@link migrate} with the options of this store. */
  migrate(): Promise<void>;
  /**
   * Removes expired entries, which count for nothing but take room, up to `limit` of them (default 1,000), and resolves
   * to how many it removed: as many as the limit when there may be more. Each call goes on where the last one ended.
   * Waits for nobody, and nobody waits for it longer than it takes to remove a page's.
   */
  sweep(options?: { limit?: number }): Promise<number>;
}

/** A slow server gets as many as that, if the client has the connections. */
const MAX_IN_FLIGHT = 32;

/** How many entries a sweep removes by default. */
const SWEEP_LIMIT = 1_000;

/** The entry of whoever sweeps by `sweepEvery`: its lifetime is until the next one's turn. */
const SWEEP_TURN = "sluice:sweep";

/**
 * A store on PostgreSQL 14 or newer, also behind a pooler in transaction mode. The server's clock decides. Concurrent
 * decisions share one statement, and a denial writes nothing. {@link migrate} makes the table.
 *
 * The table is not durable unless asked for: a crash of the server empties it, and clients start anew.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { createLimiter } from "@sluice/core";
 * import { migrate, postgresStore } from "@sluice/store-postgres";
 * import { Pool } from "pg";
 *
 * const pool = new Pool({ connectionString: "postgres://localhost/app" });
 * await migrate(pool);
 * const limiter = createLimiter({ store: postgresStore({ client: pool }) });
 * ```
 */
export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  rejectUnknown(
    options,
    ["client", "table", "schema", "durable", "namedStatements", "sweepEvery", "onSweepError"],
    "postgresStore",
  );
  const { client, table, schema, durable, namedStatements = true, sweepEvery, onSweepError = () => {} } = options;
  if (typeof namedStatements !== "boolean")
    throw invalidOption("namedStatements", namedStatements, "pass true or false");
  if (typeof onSweepError !== "function") throw invalidOption("onSweepError", onSweepError, "pass a function");
  checkDurable(durable);
  const statements = statementsFor(renamer({ table, schema }));
  const database = databaseOf(client, namedStatements);
  const maxInFlight = Math.min(MAX_IN_FLIGHT, database.connections);
  const compareAndSet = createCompareAndSet(database, statements, maxInFlight);
  const update = createUpdater(compareAndSet);
  const decide = createDecider(database, statements.decide, maxInFlight);
  const forget = createCaller(database, statements.forget, maxInFlight);
  const sweepUpTo = createSweeper(async (...pages) => {
    const reply = database.connected((connection) => connection.run(statements.sweep, pages.map(String)));
    return JSON.parse(await reply);
  });
  const everyMs = sweepEvery === undefined ? undefined : parseDuration(sweepEvery, "sweepEvery");
  const sweeping = everyMs === undefined ? undefined : repeatEvery(everyMs, () => sweepInTurn(everyMs), onSweepError);
  let closed = false;

  /** Sweeps all there is, unless another process has done so since. */
  async function sweepInTurn(turnMs: number): Promise<void> {
    const { written } = await compareAndSet(SWEEP_TURN, { over: "", state: 0, text: "0", ttlMs: turnMs }, undefined);
    while (written && !closed && (await store.sweep()) === SWEEP_LIMIT);
  }

  function checkOpen(): void {
    if (closed) throw new SluiceError("CLOSED", "the Postgres store is closed");
  }

  const store: PostgresStore = {
    algorithms: new Set(builtInAlgorithms.keys()),

    async decide(admission, options) {
      checkOpen();
      return decide(admission, options);
    },

    async atomicUpdate(entryKey, change, options) {
      checkOpen();
      return update(entryKey, change, options);
    },

    async delete(entryKey, options) {
      checkOpen();
      await forget([rowKeyOf(entryKey)], options?.deadlineMs);
    },

    async *exportEntries() {
      checkOpen();
      yield* exportFrom(database, statements.exportEntries, (key) => key === SWEEP_TURN);
    },

    async importEntries(entries) {
      checkOpen();
      return importInto(database, statements.importEntries, entries);
    },

    async healthCheck(options) {
      checkOpen();
      const { values } = encodeBatch([], undefined, true);
      await database.connected((connection) => connection.run(statements.decide, values), options?.deadlineMs);
    },

    connectionError: database.connectionError,

    async migrate() {
      checkOpen();
      await migrateOn(database, { table, schema, durable });
    },

    async sweep({ limit = SWEEP_LIMIT } = {}) {
      checkOpen();
      if (!Number.isSafeInteger(limit) || limit < 1) {
        throw invalidOption("limit", limit, "pass a whole number of 1 or more");
      }
      return sweepUpTo(limit);
    },

    async close() {
      closed = true;
      sweeping?.stop();
    },
  };
  return store;
}
