import { SluiceError } from "@sluice/core/store";
import type { ConnectionErrors } from "./connection-errors.js";
import type { Connection, PgClient, PgQuery } from "./postgres-client.js";
import { unreadableReply } from "./reply.js";
import { endsConnection, isReadOnly } from "./sql-state.js";

/** Instead of the user's type parsers: the store asks for texts, and reads them itself. */
const TEXTS = { getTypeParser: () => (value: string) => value };

/** A connection of `pg`. */
export function pgConnection(client: PgClient, named: boolean): Omit<Connection, "endReadOnly"> {
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

/** Reads rows of one row with one text. */
export function textIn(rows: unknown): string {
  const [row]: unknown[] = Array.isArray(rows) ? rows : [];
  const [value]: unknown[] = typeof row === "object" && row !== null ? Object.values(row) : [];
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (typeof value !== "string" && value !== null) throw unreadableReply(value);
  return value ?? "";
}

/** What to do about the outcome of each statement on a connection. */
export interface ConnectionWatch {
  readonly errors: ConnectionErrors;
  sent?(): void;
  answered?(): void;
  /** The connection can't be used again. */
  broke(): void;
  endReadOnly(): boolean;
}

/** The connection, watched. */
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
