import { byDeadline, LATE, pause } from "@sluice/core/kit";
import { SluiceError } from "@sluice/core/store";
import {
  type Database,
  invalidClient,
  isOfAnotherDatabase,
  type PgClient,
  type PostgresClient,
  type PostgresJsClient,
} from "./client.js";
import {
  createAllowance,
  createPlaces,
  longestDeadline,
  PATIENCE_MS,
  READ_ONLY_PERIOD_MS,
  storeFailed,
} from "./failure.js";
import { clientDatabase, poolDatabase, textIn, watchedConnection } from "./pg.js";

/** @throws SluiceError `INVALID_CLIENT` */
export function databaseOf(client: PostgresClient, namedStatements: boolean): Database {
  const database = databaseFor(client, namedStatements);
  return {
    ...database,
    async connected(use, deadlineMs) {
      try {
        return await database.connected(use, deadlineMs);
      } catch (error) {
        throw storeFailed(error);
      }
    },
  };
}

function databaseFor(client: PostgresClient, named: boolean): Database {
  if (has(client, "unsafe") && has(client, "begin")) return postgresJsDatabase(client as PostgresJsClient, named);
  if (has(client, "connect") && has(client, "query") && !isOfAnotherDatabase(client)) {
    if ("totalCount" in client) return poolDatabase(client, named);
    if (has(client, "on")) return clientDatabase(client as PgClient, named);
  }
  throw invalidClient(client);
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[method] === "function";
}

/**
 * Ends the session that runs it once it is idle, if it can't write. The client then opens another session, perhaps to
 * another server. If a statement is running when its session ends, the package postgres fails the statement after it.
 */
const END_READ_ONLY =
  "SELECT set_config('idle_session_timeout', '1', false) WHERE current_setting('transaction_read_only') = 'on'";

/** The time after which the client has noticed that the session has ended. */
const ENDED_AFTER_MS = 30;

/** A client of `postgres`, or Bun's `SQL`. It assigns statements to its connections itself. */
function postgresJsDatabase(client: PostgresJsClient, named: boolean): Database {
  const errors: { last: unknown } = { last: undefined };
  const connections = client.options?.max ?? 1;
  const places = createPlaces(connections);
  const mayEndReadOnly = createAllowance(connections, READ_ONLY_PERIOD_MS);
  /** Settles when sessions that are about to end no longer accept statements. */
  let ending: Promise<unknown> = Promise.resolve();

  // Does not use connections of the library's reserve(), because they hang in some cases.
  const connection = watchedConnection(
    {
      async run({ text }, values) {
        // Raw, so that the user's types and transforms do not apply.
        return textIn(await client.unsafe(text, [...values], { prepare: named }).raw());
      },
      async runScript(text) {
        await client.unsafe(text).simple();
      },
    },
    {
      errors,
      broke() {},
      endReadOnly() {
        if (!mayEndReadOnly()) return false;
        ending = ending
          .then(() => client.unsafe(END_READ_ONLY).simple())
          .then(() => pause(ENDED_AFTER_MS))
          .catch(() => {});
        return true;
      },
    },
  );
  return {
    connections,
    connectionError: () => errors.last,
    async connected(use, deadlineMs = longestDeadline()) {
      const release = await places.take(deadlineMs);
      const used = ending.then(() => use(connection)).finally(release);
      const answer = await byDeadline(used, deadlineMs + PATIENCE_MS);
      if (answer !== LATE) return answer;
      used.catch(() => {});
      throw new SluiceError(
        "STORE_TIMEOUT",
        "Postgres did not answer in time. The package postgres keeps a connection that stays silent: pass it a socket " +
          "with a timeout, or use a Pool of pg",
      );
    },
  };
}
