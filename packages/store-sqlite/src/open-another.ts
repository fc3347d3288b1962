import type { OpenSqliteClient, SqliteClient } from "./sqlite-client.js";

interface Constructor {
  new (file: string): OpenSqliteClient;
}

/** The classes of the clients that the store works with: each takes the path of a file. */
const CLASSES = ["Database", "DatabaseSync"];

/** Opens a file by the same package as a client; `undefined` if it can't be opened, or the package is unknown. */
export function openAnother(client: SqliteClient, file: string): OpenSqliteClient | undefined {
  const Client: unknown = client.constructor;
  if (!isKnownClass(Client)) return undefined;
  try {
    const another = new Client(file);
    return typeof another.close === "function" ? another : undefined;
  } catch {
    return undefined;
  }
}

function isKnownClass(Client: unknown): Client is Constructor {
  return typeof Client === "function" && CLASSES.includes(Client.name);
}
