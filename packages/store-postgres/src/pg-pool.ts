import { SluiceError } from "@sluice/core/store";
import { watchErrors } from "./connection-errors.js";
import { byDeadline, LATE, longestDeadline, PATIENCE_MS } from "./late.js";
import { pgConnection, watchedConnection } from "./pg-connection.js";
import { lenderOf } from "./pg-lender.js";
import type { Database, PgPool } from "./postgres-client.js";

/** A pool of `pg`. A batch borrows one connection, and gives up one that stays silent or can't write. */
export function poolDatabase(pool: PgPool, named: boolean): Database {
  const errors = watchErrors(pool);
  const lender = lenderOf(pool);
  return {
    connections: pool.options?.max ?? 1,
    connectionError: () => errors.last,
    async connected(use, deadlineMs = longestDeadline()) {
      const client = await lender.borrow(deadlineMs).catch((error) => {
        if (!(error instanceof SluiceError)) errors.last = error;
        throw error;
      });
      let broken = false;
      let sentMs = performance.now();
      const breaks = (): void => {
        broken = true;
      };
      const connection = watchedConnection(pgConnection(client, named), {
        errors,
        sent() {
          sentMs = performance.now();
        },
        answered: () => lender.answered(client),
        broke: breaks,
        endReadOnly() {
          broken ||= lender.mayCloseReadOnly();
          return broken;
        },
      });
      // Without a listener a connection that breaks would end the process.
      client.on("error", breaks);
      const used = use(connection);
      try {
        const result = await byDeadline(used, deadlineMs + PATIENCE_MS);
        if (result !== LATE) return result;
        used.catch(() => {});
        broken = true;
        lender.distrust(sentMs);
        throw silent();
      } finally {
        client.removeListener("error", breaks);
        lender.giveBack(client, broken);
      }
    },
  };
}

function silent(): SluiceError {
  return new SluiceError("STORE_TIMEOUT", "Postgres did not answer in time; the connection was closed");
}
