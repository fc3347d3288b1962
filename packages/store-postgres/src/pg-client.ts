import { SluiceError } from "@sluice/core";
import { watchErrors } from "./connection-errors.js";
import { byDeadline, isLate, LATE, longestDeadline, PATIENCE_MS, tooLate } from "./late.js";
import { pgConnection, watchedConnection } from "./pg-connection.js";
import type { Database, PgClient } from "./postgres-client.js";

/** A single `Client` of `pg`, on which batches take turns. It can't be replaced when it stays silent. */
export function clientDatabase(client: PgClient, named: boolean): Database {
  const errors = watchErrors(client);
  const connection = watchedConnection(pgConnection(client, named), {
    errors,
    broke() {},
    endReadOnly: async () => false,
  });
  let last: Promise<unknown> = Promise.resolve();
  return {
    connections: 1,
    connectionError: () => errors.last,
    async connected(use, deadlineMs = longestDeadline()) {
      const result = last.then(() => {
        if (isLate(deadlineMs)) throw tooLate();
        return use(connection);
      });
      last = result.catch(() => {});
      const answer = await byDeadline(result, deadlineMs + PATIENCE_MS);
      if (answer !== LATE) return answer;
      throw new SluiceError(
        "STORE_TIMEOUT",
        "Postgres did not answer in time. A Client must be connected, and can't be replaced when its connection stays " +
          "silent: use a Pool of pg, or set query_timeout",
      );
    },
  };
}
