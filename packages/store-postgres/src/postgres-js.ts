import { SluiceError } from "@sluice/core";
import type { ConnectionErrors } from "./connection-errors.js";
import { byDeadline, LATE, longestDeadline, PATIENCE_MS } from "./late.js";
import { textIn, watchedConnection } from "./pg-connection.js";
import { createPlaces } from "./places.js";
import type { Database, PostgresJsClient } from "./postgres-client.js";

/** Ends the session that runs it if it can't write: the client then opens another one, perhaps to another server. */
const END_READ_ONLY =
  "SELECT pg_terminate_backend(pg_backend_pid()) WHERE current_setting('transaction_read_only') = 'on'";

/** Sessions are ended no faster than that. */
const READ_ONLY_GAP_MS = 100;

/** A client of `postgres`, or `SQL` of Bun. It assigns statements to its connections itself. */
export function postgresJsDatabase(client: PostgresJsClient, named: boolean): Database {
  const errors: ConnectionErrors = { last: undefined };
  let endedMs = Number.NEGATIVE_INFINITY;

  // Connections that the library lends by reserve() hang in some cases.
  const connection = watchedConnection(
    {
      async run({ text }, values) {
        // Raw: the user's types and transforms have no part in it.
        return textIn(await client.unsafe(text, [...values], { prepare: named }).raw());
      },
      async runScript(text) {
        await client.unsafe(text).simple();
      },
    },
    {
      errors,
      broke() {},
      async endReadOnly() {
        const nowMs = performance.now();
        if (nowMs - endedMs < READ_ONLY_GAP_MS) return false;
        endedMs = nowMs;
        await client
          .unsafe(END_READ_ONLY)
          .simple()
          .catch(() => {});
        return true;
      },
    },
  );
  const connections = client.options?.max ?? 1;
  const places = createPlaces(connections);
  return {
    connections,
    connectionError: () => errors.last,
    async connected(use, deadlineMs = longestDeadline()) {
      const release = await places.take(deadlineMs);
      const used = use(connection).finally(release);
      const answer = await byDeadline(used, deadlineMs + PATIENCE_MS);
      if (answer !== LATE) return answer;
      used.catch(() => {});
      throw new SluiceError(
        "STORE_TIMEOUT",
        "Postgres did not answer in time. The package postgres keeps a connection that stays silent: pass it a socket " +
          "with a time-out, or use a Pool of pg",
      );
    },
  };
}
