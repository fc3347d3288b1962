import { accessSync, constants, existsSync, statSync } from "node:fs";
import { SluiceError } from "@sluice/core/store";
import { firstRow, type OpenSqliteClient, openAnother, type SqliteClient } from "./client.js";
import { isReadOnly } from "./failure.js";

/** The database that a store works on: the user's client, or another client on the file that replaced its file. */
export interface Connection {
  /**
   * Returns the client to use. Checks the files from time to time.
   *
   * @param create true to create a deleted file again
   * @throws SluiceError `STORE_NOT_READY`, `STORE_FAILED` if the files were deleted or replaced
   */
  client(create?: boolean): SqliteClient;
  /** Call it after the client has read the database. */
  opened(): void;
  /**
   * Call it after a failure. Reopens a file that was read-only and no longer is. Returns whether it did: calls may then be
   * retried.
   */
  replaceAfter(failure: unknown): boolean;
  /** Closes clients that were opened here, but never the user's client. */
  close(): void;
}

const RETRY_EVERY_MS = 1_000;

export function createConnection(own: SqliteClient): Connection {
  let files = databaseFiles(own);
  /**
   * True if the client is read-only because its file was. A client that the user opened as read-only stays read-only.
   */
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
    if (!create && !existsSync(path)) throw fileLost(change, "Run createSchema() of the store to create a new file.");
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

/** The error for a lost log. Processes that still have it open see another state than processes that open the database now. */
function logLost({ file, what }: FileChange, path: string): SluiceError {
  return new SluiceError(
    "STORE_FAILED",
    `${file} was ${what} while the SQLite database was open; it is a part of ${path}. Restart all processes that use it.`,
  );
}

/** A change to a file that a client has open. */
interface FileChange {
  readonly file: string;
  readonly what: "deleted" | "replaced";
}

/** The files of an open database, which other programs may delete or replace. */
interface DatabaseFiles {
  /** `undefined` for a database in memory. */
  readonly path: string | undefined;
  /** Call it after the client has read the database, which means that it has the log open. */
  opened(): void;
  /**
   * Returns how the files changed since the client opened them. Checks at most once a second, and again after a change.
   */
  changed(): FileChange | undefined;
}

/** The log and its index are parts of the database, too. */
const ENDINGS = ["", "-wal", "-shm"];
const LOOK_EVERY_MS = 1_000;

function databaseFiles(client: SqliteClient): DatabaseFiles {
  const path = pathOf(client);
  const known = new Map<string, string>();
  let lookedMs = Number.NEGATIVE_INFINITY;
  let change: FileChange | undefined;

  function remember(endings: readonly string[]): void {
    if (path === undefined) return;
    for (const ending of endings) {
      const file = path + ending;
      const identity = known.get(file) ?? identityOf(file);
      if (identity !== undefined && identity !== MISSING) known.set(file, identity);
    }
  }

  function look(): FileChange | undefined {
    for (const [file, before] of known) {
      const identity = identityOf(file) ?? before;
      if (identity !== before) return { file, what: identity === MISSING ? "deleted" : "replaced" };
    }
    return undefined;
  }

  remember([""]);
  return {
    path,
    opened: () => remember(ENDINGS),
    changed() {
      const nowMs = performance.now();
      // If the clock went back, it was replaced, for example by fake timers.
      const recent = nowMs >= lookedMs && nowMs < lookedMs + LOOK_EVERY_MS;
      if (recent && change === undefined) return undefined;
      lookedMs = nowMs;
      change = look();
      return change;
    },
  };
}

const MISSING = "missing";

/** Returns the identity of a file. `undefined` if it can't be determined. */
function identityOf(file: string): string | undefined {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? MISSING : undefined;
  }
}

function pathOf(client: SqliteClient): string | undefined {
  try {
    const { file } = firstRow(client, "PRAGMA database_list");
    return typeof file === "string" && file !== "" ? file : undefined;
  } catch {
    // The first call reports errors of the client.
    return undefined;
  }
}

/** Returns whether this process may write to a file. */
function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
