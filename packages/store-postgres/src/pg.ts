import { byDeadline, LATE } from "@sluice/core/kit";
import { SluiceError, watchErrors } from "@sluice/core/store";
import type { Connection, Database, PgClient, PgPool, PgQuery } from "./client.js";
import { createPlaces, endsConnection, isReadOnly, longestDeadline, PATIENCE_MS, unreadableReply } from "./failure.js";
import { lenderOf } from "./pg-lender.js";

/** Replaces the user's type parsers, because the store requests text and parses it. */
const TEXTS = { getTypeParser: () => (value: string) => value };

/** A connection of `pg`. */
function pgConnection(client: PgClient, named: boolean): Omit<Connection, "endReadOnly"> {
  const query = async (query: PgQuery): Promise<unknown> => client.query(query);
  return {
    async run({ name, text }, values) {
      const result = await query({
        ...(named && { name }),
        text,
        values: [...values],
        rowMode: "array",
        types: TEXTS,
      });
      return textIn((result as { rows?: unknown } | undefined)?.rows);
    },
    async runScript(text) {
      await query({ text, rowMode: "array" });
    },
  };
}

/** Reads a result of one row with one text. */
export function textIn(rows: unknown): string {
  const [row]: unknown[] = Array.isArray(rows) ? rows : [];
  const [value]: unknown[] = typeof row === "object" && row !== null ? Object.values(row) : [];
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (typeof value !== "string" && value !== null) throw unreadableReply(value);
  return value ?? "";
}

/** Called after each statement on a connection. */
export interface ConnectionWatch {
  readonly errors: { last: unknown };
  sent?(): void;
  answered?(): void;
  /** Reports that the connection can't be used again. */
  broke(): void;
  endReadOnly(): boolean;
}

/** A connection that reports its statements to `watch`. */
export function watchedConnection(connection: Omit<Connection, "endReadOnly">, watch: ConnectionWatch): Connection {
  const { errors } = watch;
  const watched = async <T>(send: () => Promise<T>): Promise<T> => {
    watch.sent?.();
    try {
      const answer = await send();
      errors.last = undefined;
      watch.answered?.();
      return answer;
    } catch (error) {
      if (!(error instanceof SluiceError) && endsConnection(error)) {
        errors.last = error;
        watch.broke();
      } else {
        errors.last = undefined;
        watch.answered?.();
        if (isReadOnly(error)) watch.endReadOnly();
      }
      throw error;
    }
  };
  return {
    run: (statement, values) => watched(() => connection.run(statement, values)),
    runScript: (text) => watched(() => connection.runScript(text)),
    endReadOnly: () => watch.endReadOnly(),
  };
}

/** A single `Client` of `pg`. Batches take turns on it. It can't be replaced if it stays silent. */
export function clientDatabase(client: PgClient, named: boolean): Database {
  const errors = watchErrors(client, ["error"]);
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

/** A pool of `pg`. A batch uses one connection, which is closed if it stays silent or can't write. */
export function poolDatabase(pool: PgPool, named: boolean): Database {
  const errors = watchErrors(pool, ["error"]);
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
      // Without a listener, a connection that breaks would end the process.
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
