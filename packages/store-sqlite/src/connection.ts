import { existsSync } from "node:fs";
import { SluiceError } from "@sluice/core/store";
import { type DatabaseFiles, databaseFiles, type FileChange, isWritable } from "./database-files.js";
import { openAnother } from "./open-another.js";
import { isReadOnly } from "./result-code.js";
import type { OpenSqliteClient, SqliteClient } from "./sqlite-client.js";

/** The database that a store works on: the user's client, or another one on the file that took the place of its file. */
export interface Connection {
  /**
   * The client to use. It looks at the files now and then.
   *
   * @param create whether a file that was deleted is created again
   * @throws SluiceError `STORE_NOT_READY`, `STORE_FAILED` when the files were deleted or replaced
   */
  client(create?: boolean): SqliteClient;
  /** To be called when the client has read the database. */
  opened(): void;
  /** After a failure: opens a file again that was read-only and is not any more. Returns whether it did, and calls may be made again. */
  replaceAfter(failure: unknown): boolean;
  /** Closes what was opened here, and never the user's client. */
  close(): void;
}

const RETRY_EVERY_MS = 1_000;

export function createConnection(own: SqliteClient): Connection {
  let files = databaseFiles(own);
  /** Whether the client is read-only because its file was. One that the user opened so stays so. */
  const mayBecomeWritable = files.path !== undefined && !isWritable(files.path);
  let triedMs = Number.NEGATIVE_INFINITY;
  let opened: { readonly client: OpenSqliteClient; readonly files: DatabaseFiles } | undefined;

  function replace(path: string): boolean {
    const client = openAnother(own, path);
    if (client === undefined) return false;
    opened?.client.close();
    files = databaseFiles(client);
    opened = { client, files };
    return true;
  }

  function replaceLost(change: FileChange, path: string, create: boolean): void {
    if (change.file !== path) throw logLost(change, path);
    if (!create && !existsSync(path)) throw fileLost(change, "Run migrate() of the store to create a new file.");
    if (!replace(path)) throw fileLost(change, "Open the new file, and create a store on it.");
  }

  return {
    client(create = false) {
      const change = files.changed();
      if (change !== undefined && files.path !== undefined) replaceLost(change, files.path, create);
      return opened?.client ?? own;
    },

    opened: () => files.opened(),

    replaceAfter(failure) {
      const { path } = files;
      const nowMs = performance.now();
      if (!mayBecomeWritable || path === undefined || nowMs < triedMs + RETRY_EVERY_MS) return false;
      if (!isReadOnly(failure) || !isWritable(path)) return false;
      triedMs = nowMs;
      return replace(path);
    },

    close() {
      opened?.client.close();
      opened = undefined;
    },
  };
}

function fileLost({ file, what }: FileChange, fix: string): SluiceError {
  return new SluiceError("STORE_NOT_READY", `the SQLite file ${file} was ${what} while it was open. ${fix}`);
}

/** The processes that still have the log open and those that open the database now have different states. */
function logLost({ file, what }: FileChange, path: string): SluiceError {
  return new SluiceError(
    "STORE_FAILED",
    `${file} was ${what} while the SQLite database was open; it is a part of ${path}. Restart all processes that use it.`,
  );
}
