import {
  type Admission,
  builtInAlgorithms,
  type CallOptions,
  type DecidingStore,
  type Duration,
  type ExportEntries,
  type HealthCheck,
  type ImportEntries,
  invalidOption,
  type Next,
  type Outcome,
  parseDuration,
  rejectUnknown,
  repeatEvery,
  SluiceError,
} from "@sluice/core/store";
import { createConnection } from "./connection.js";
import { decideCall, expiryOf } from "./decide.js";
import { exportAll, importAll } from "./entries.js";
import { keys, rowKey } from "./keys.js";
import { type MigrationOptions, migrate } from "./migrate.js";
import { renamer } from "./names.js";
import { openSession } from "./session.js";
import { checkClient, type SqliteClient } from "./sqlite-client.js";
import { createSweeper } from "./sweeper.js";
import { createTransactor } from "./transactor.js";

/** Options of {@link sqliteStore}. */
export interface SqliteStoreOptions extends MigrationOptions {
  /**
   * An open database of `node:sqlite`, `better-sqlite3`, `libsql` or `bun:sqlite`, such as {@link openSqlite} returns. Give the store
   * a database that nothing else uses. It stays yours to close.
   */
  client: SqliteClient;
  /**
   * Whether each batch waits until the disk has it (`synchronous = FULL`), so that it survives a power cut. Without, it
   * survives the end of the process, and a power cut may undo the last moments. Default false.
   */
  durable?: boolean | undefined;
  /**
   * Sweeps all expired entries away every so often. Of several processes with this option one does it each time. Default:
   * never, {@link SqliteStore.sweep} does it.
   */
  sweepEvery?: Duration | undefined;
  /** Hears of a sweep by `sweepEvery` that failed; the next one is made all the same. */
  onSweepError?: ((error: unknown) => void) | undefined;
}

/** A store on an SQLite file. */
export interface SqliteStore extends DecidingStore, HealthCheck, ExportEntries, ImportEntries {
  decide(admission: Admission, options?: CallOptions): Promise<Outcome>;
  /** {@link migrate} with the options of this store. */
  migrate(): Promise<void>;
  /** Resolves when the database can be written to: it takes the write lock, and writes nothing. */
  healthCheck(options?: CallOptions): Promise<void>;
  /**
   * Removes expired entries, which count for nothing but take room, up to `limit` of them (default 1,000), and resolves
   * to how many it removed: as many as the limit when there may be more. Each call goes on where the last one ended.
   * Others wait for it no longer than it takes to remove 500.
   */
  sweep(options?: { limit?: number }): Promise<number>;
}

/** How many entries a sweep removes by default. */
const SWEEP_LIMIT = 1_000;

/**
 * A store on an SQLite file that several processes of one machine share. This process's clock decides. Concurrent decisions
 * share one transaction, and a denial neither writes nor locks. {@link migrate} makes the table.
 *
 * SQLite works in this process: a call takes some microseconds of it. For the lock of another process it waits without
 * stopping the event loop, up to the call's time, and 10 seconds for calls that have none.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { createLimiter, tokenBucket } from "@sluice/core";
 * import { migrate, openSqlite, sqliteStore } from "@sluice/store-sqlite";
 *
 * const client = await openSqlite("limits.db");
 * await migrate(client);
 * const limiter = createLimiter({ store: sqliteStore({ client }), policies: tokenBucket({ rate: 100 }) });
 * ```
 */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  rejectUnknown(options, ["client", "table", "durable", "sweepEvery", "onSweepError"], "sqliteStore");
  const { table, durable = false, sweepEvery, onSweepError = () => {} } = options;
  const client = checkClient(options.client);
  if (typeof durable !== "boolean") throw invalidOption("durable", durable, "give true or false");
  if (typeof onSweepError !== "function") throw invalidOption("onSweepError", onSweepError, "give a function");
  const rename = renamer(table);
  const everyMs = sweepEvery === undefined ? undefined : parseDuration(sweepEvery, "sweepEvery");
  const connection = createConnection(client);
  const transactor = createTransactor(connection, (open) => openSession(open, rename, durable));
  const sweeper = createSweeper(transactor);
  const sweeping = everyMs === undefined ? undefined : repeatEvery(everyMs, () => sweepInTurn(everyMs), onSweepError);
  let closed = false;

  /** Sweeps all there is, unless another process has done so since. */
  async function sweepInTurn(turnMs: number): Promise<void> {
    const mine = await sweeper.takeTurn(turnMs);
    while (mine && !closed && (await sweeper.sweep(SWEEP_LIMIT)) === SWEEP_LIMIT);
  }

  function checkOpen(): void {
    if (closed) throw new SluiceError("CLOSED", "the SQLite store is closed");
  }

  return {
    algorithms: new Set(builtInAlgorithms.keys()),

    async decide(admission, { nowMs, deadlineMs } = {}) {
      checkOpen();
      return transactor.make(decideCall(admission, nowMs), deadlineMs);
    },

    async atomicUpdate<S>(
      entryKey: string,
      change: (state: S | undefined, nowMs: number) => Next<S> | undefined,
      { nowMs, deadlineMs }: CallOptions = {},
    ) {
      checkOpen();
      const key = rowKey(keys.ofEntryKey(entryKey));
      return transactor.make((view) => {
        const state = view.read(key) as S | undefined;
        const next = change(state, nowMs ?? view.nowMs);
        if (next === undefined) return state;
        const written: S = JSON.parse(JSON.stringify(next.state));
        view.write(key, written, expiryOf(view, next.ttlMs, nowMs));
        return written;
      }, deadlineMs);
    },

    async delete(entryKey, { deadlineMs } = {}) {
      checkOpen();
      const key = rowKey(keys.ofEntryKey(entryKey));
      await transactor.make((view) => view.remove(key), deadlineMs);
    },

    async healthCheck({ deadlineMs } = {}) {
      checkOpen();
      await transactor.make((view) => view.needLock(), deadlineMs);
    },

    async *exportEntries() {
      checkOpen();
      yield* exportAll(transactor);
    },

    async importEntries(entries) {
      checkOpen();
      return importAll(transactor, entries);
    },

    async migrate() {
      checkOpen();
      await migrate(connection.client(true), { table });
    },

    async sweep({ limit = SWEEP_LIMIT } = {}) {
      checkOpen();
      if (!Number.isSafeInteger(limit) || limit < 1) {
        throw invalidOption("limit", limit, "give a whole number of 1 or more");
      }
      return sweeper.sweep(limit);
    },

    async close() {
      closed = true;
      sweeping?.stop();
      connection.close();
    },
  };
}
