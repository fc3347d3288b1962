import { createHash } from "node:crypto";
import {
  type ConnectionErrors,
  checkOptions,
  createRemoteStore,
  createSweeping,
  type RemoteStore,
  type Rules,
  SWEEP_RULES,
  type Sweep,
  type SweepOptions,
} from "@sluice/core/store";
import { createCaller, createCompareAndSet, statementsFor } from "./calls.js";
import type { PostgresClient } from "./client.js";
import { databaseOf } from "./database.js";
import { argumentsOf, createBatchSender } from "./decide.js";
import { createSweeper, PAGE, pagesOf, writePage } from "./entries.js";
import { createSchemaOn, renamer, SCHEMA_RULES, type SchemaOptions } from "./schema.js";

/** Options of {@link postgresStore}. */
export interface PostgresStoreOptions extends SchemaOptions, SweepOptions {
  /** A `Pool` or a connected `Client` of `pg`, a client that `postgres()` returned, or Bun's `SQL`. The store never ends it. */
  client: PostgresClient;
  /**
   * True if each connection prepares the statements once, under names. Set it to false behind a pooler in transaction mode
   * that does not support prepared statements. Default true.
   */
  namedStatements?: boolean | undefined;
}

/** A store on PostgreSQL. */
export interface PostgresStore extends RemoteStore, ConnectionErrors, Sweep {
  /** Calls {@link createSchema} with the options of this store. */
  createSchema(): Promise<void>;
  /**
   * See {@link Sweep.sweep}. Skips rows that other transactions hold. Holds its own locks only while it cleans one page of
   * the table.
   */
  sweep(options?: { limit?: number | undefined }): Promise<number>;
}

const RULES: Rules<PostgresStoreOptions> = {
  ...SCHEMA_RULES,
  ...SWEEP_RULES,
  client: "any",
  namedStatements: "boolean",
};

/** The most batches in flight on a slow server, if the client has that many connections. */
const MAX_IN_FLIGHT = 32;

/** The entry that holds the turn of the process that sweeps by `sweepEvery`. It lives until the next turn. */
const SWEEP_TURN = "sluice:sweep";

/** A batch without admissions. */
const NOTHING = { keys: [], algorithms: [], policies: [], numbers: [], nowMs: undefined };

/**
 * Creates a store on PostgreSQL 14 or newer. Works behind a pooler in transaction mode. Decisions use the server's clock.
 * Concurrent decisions share one statement, and a denial writes nothing. {@link createSchema} creates the table.
 *
 * By default the table is not durable: a crash of the server empties it, and clients start again from zero.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { createLimiter } from "@sluice/core";
 * import { createSchema, postgresStore } from "@sluice/store-postgres";
 * import { Pool } from "pg";
 *
 * const pool = new Pool({ connectionString: "postgres://localhost/app" });
 * await createSchema(pool);
 * const limiter = createLimiter({ store: postgresStore({ client: pool }) });
 * ```
 */
export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  checkOptions(options, RULES, "postgresStore");
  const { client, table, schema, durable, namedStatements = true } = options;
  const statements = statementsFor(renamer({ table, schema }));
  const database = databaseOf(client, namedStatements);
  const maxInFlight = Math.min(MAX_IN_FLIGHT, database.connections);
  const compareAndSet = createCompareAndSet(database, statements, maxInFlight);
  const forget = createCaller(database, statements.forget, maxInFlight);
  const sweepUpTo = createSweeper(async (...pages) => {
    const reply = database.connected((connection) => connection.run(statements.sweep, pages.map(String)));
    return JSON.parse(await reply);
  });
  const { sweep, stop } = createSweeping(options, sweepUpTo, async (next) => {
    const { state, version, nowMs } = await compareAndSet(SWEEP_TURN, undefined, undefined);
    const turn = next(state, nowMs);
    if (turn === undefined) return false;
    const write = { over: version, state: turn, text: JSON.stringify(turn), ttlMs: turn[1] };
    return (await compareAndSet(SWEEP_TURN, write, undefined)).written;
  });
  const store = createRemoteStore(
    {
      name: "Postgres",
      createHash,
      batches: createBatchSender(database, statements.decide, maxInFlight),
      compareAndSet,
      remove: (key, { deadlineMs }) => forget([key], deadlineMs),
      pages: () => pagesOf(database, statements.exportEntries),
      imports: { size: PAGE, atOnce: 1, write: (page) => writePage(database, statements.importEntries, page) },
      ownKey: SWEEP_TURN,
      healthCheck: ({ deadlineMs }) =>
        database.connected((connection) => connection.run(statements.decide, argumentsOf(NOTHING, true)), deadlineMs),
      close: stop,
    },
    { sweep, createSchema: () => createSchemaOn(database, { table, schema, durable }) },
  );
  return { ...store, connectionError: database.connectionError };
}
