import { SluiceError } from "@sluice/core/store";
import { watchErrors } from "./connection-errors.js";
import { byDeadline, LATE, longestDeadline, PATIENCE_MS } from "./late.js";
import { pgConnection, watchedConnection } from "./pg-connection.js";
import { createPlaces } from "./places.js";
import type { Database, PgClient } from "./postgres-client.js";

/** A single `Client` of `pg`, on which batches take turns. It can't be replaced when it stays silent. */
export function clientDatabase(client: PgClient, named: boolean): Database {
  const errors = watchErrors(client);
  const connection = watchedConnection(pgConnection(client, named), {
    errors,
    broke() {},
    endReadOnly: () => false,
  });
  const places = createPlaces(1);
  return {
    connections: 1,
    connectionError: () => errors.last,
    async connected(use, deadlineMs = longestDeadline()) {
      const release = await places.take(deadlineMs);
      const used = use(connection).finally(release);
      const answer = await byDeadline(used, deadlineMs + PATIENCE_MS);
      if (answer !== LATE) return answer;
      used.catch(() => {});
      throw new SluiceError(
        "STORE_TIMEOUT",
        "Postgres did not answer in time. A Client must be connected, and can't be replaced when its connection stays " +
          "silent: use a Pool of pg, or set query_timeout",
      );
    },
  };
}
