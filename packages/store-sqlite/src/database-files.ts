import { accessSync, constants, statSync } from "node:fs";
import { firstRow, type SqliteClient } from "./sqlite-client.js";

/** What happened to a file that a client has open. */
export interface FileChange {
  readonly file: string;
  readonly what: "deleted" | "replaced";
}

/** The files of an open database, which other programs may delete or replace. */
export interface DatabaseFiles {
  /** `undefined` for a database in memory. */
  readonly path: string | undefined;
  /** To be called when the client has read the database, and so has its log open. */
  opened(): void;
  /** What happened to the files since the client opened them. Looks at most once in a second, and again after a change. */
  changed(): FileChange | undefined;
}

/** The log and its index are parts of the database, too. */
const ENDINGS = ["", "-wal", "-shm"];
const LOOK_EVERY_MS = 1_000;

export function databaseFiles(client: SqliteClient): DatabaseFiles {
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
      // A clock that went back is another one: fake timers have their own.
      const recent = nowMs >= lookedMs && nowMs < lookedMs + LOOK_EVERY_MS;
      if (recent && change === undefined) return undefined;
      lookedMs = nowMs;
      change = look();
      return change;
    },
  };
}

const MISSING = "missing";

/** `undefined` if it can't be found out. */
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
    // The first call reports what is wrong with the client.
    return undefined;
  }
}

/** Whether this process may write to a file. */
export function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
