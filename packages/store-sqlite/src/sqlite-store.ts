import { createHash } from "node:crypto";
import {
  type CallOptions,
  checkOptions,
  createRemoteStore,
  createSweeping,
  type RemoteStore,
  SWEEP_RULES,
  type Sweep,
  type SweepOptions,
} from "@sluice/core/store";
import { checkClient, type SqliteClient } from "./client.js";
import { createConnection } from "./connection.js";
import { createSweeper, decide, PAGE, pagesOf, SWEEP_TURN, update, writePage } from "./entries.js";
import { createSchema, renamer, type SchemaOptions, TABLE } from "./schema.js";
import { openSession } from "./session.js";
import { createTransactor } from "./transactor.js";

/** Options of {@link sqliteStore}. */
export interface SqliteStoreOptions extends SchemaOptions, SweepOptions {
  /**
   * An open database of `node:sqlite`, `better-sqlite3`, `libsql` or `bun:sqlite`, for example from {@link openSqlite}.
   * Pass a database that nothing else uses. The store never closes it.
   */
  client: SqliteClient;
  /**
   * True if each batch waits until it is on the disk (`synchronous = FULL`), and so survives a power cut. Otherwise a batch
   * survives the end of the process, but a power cut may undo the last moments. Default false.
   */
  durable?: boolean | undefined;
}

/** A store on an SQLite file. */
export interface SqliteStore extends RemoteStore, Sweep {
  /** Calls {@link createSchema} with the options of this store. */
  createSchema(): Promise<void>;
  /** Resolves if the database can be written to. Takes the write lock, but writes nothing. */
  healthCheck(options?: CallOptions): Promise<void>;
  /** See {@link Sweep.sweep}. Other calls wait for it at most as long as it takes to remove 500 entries. */
  sweep(options?: { limit?: number | undefined }): Promise<number>;
}

/**
 * Creates a store on an SQLite file that several processes of one machine share. This process's clock decides. Concurrent
 * decisions share one transaction, and a denial neither writes nor locks. {@link createSchema} creates the table.
 *
 * SQLite runs in this process: a call takes a few microseconds. If another process has the lock, a call waits without
 * stopping the event loop, up to its deadline, or 10 seconds if it has none.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { createLimiter, tokenBucket } from "@sluice/core";
 * import { createSchema, openSqlite, sqliteStore } from "@sluice/store-sqlite";
 *
 * const client = await openSqlite("limits.db");
 * await createSchema(client);
 * const limiter = createLimiter({ store: sqliteStore({ client }), policies: tokenBucket({ rate: 100 }) });
 * ```
 */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  checkOptions(options, { client: "any", table: TABLE, durable: "boolean", ...SWEEP_RULES }, "sqliteStore");
  const { table, durable = false } = options;
  const client = checkClient(options.client);
  const rename = renamer(table);
  const connection = createConnection(client);
  const transactor = createTransactor(connection, (open) => openSession(open, rename, durable));
  const sweeper = createSweeper(transactor);
  const { sweep, stop } = createSweeping(options, sweeper.sweep, sweeper.takeTurn);
  return createRemoteStore(
    {
      name: "SQLite",
      createHash,
      decide: (admission, keys, callOptions) => decide(transactor, admission, keys, callOptions),
      update: (key, change, callOptions) => update(transactor, key, change, callOptions),
      remove: (key, { deadlineMs }) => transactor.make((view) => view.remove(key), deadlineMs),
      pages: () => pagesOf(transactor),
      imports: { size: PAGE, atOnce: 1, write: (page) => writePage(transactor, page) },
      ownKey: SWEEP_TURN,
      healthCheck: ({ deadlineMs }) => transactor.make((view) => view.needLock(), deadlineMs),
      close() {
        stop();
        connection.close();
      },
    },
    { sweep, createSchema: () => createSchema(connection.client(true), { table }) },
  );
}
