import type { SqliteClient } from "./client.js";

/** A checkpoint is due when about so many pages were written, as by SQLite itself (`wal_autocheckpoint`). */
const DUE_PAGES = 1_000;
/** A log of so many pages is long: others have kept checkpoints from their end. */
const LONG_LOG_PAGES = 2_000;
/** Where others only write, the next checkpoint of a long log may get the lock. */
const RETRY_PAGES = 100;

/** Copies the log into the database, now and then, so that the log starts again at its beginning. */
export interface Checkpoint {
  wrote(pages: number): void;
  isDue(): boolean;
  /** Whether it has to be made right after a commit: the log is long, and at any other time others have the lock. */
  isUrgent(): boolean;
  /** Takes some milliseconds of the disk, and waits for no lock. Never throws. */
  make(): void;
}

/** Makes a connection's checkpoints instead of SQLite. */
export function takeOverCheckpoints(client: SqliteClient): Checkpoint {
  // A commit with a checkpoint of SQLite's takes as long as the disk does, and its callers wait for it. After a long reader,
  // the file of the log gets shorter again.
  client.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${LONG_LOG_PAGES * 4_096}`);
  // Lets others write meanwhile. While they never stop, it never gets to the end of the log.
  const passive = client.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  // Takes the write lock if it is free, and so gets to the end. Without a busy timeout it does not wait for readers either.
  const restart = client.prepare("PRAGMA wal_checkpoint(RESTART)");
  let duePages = DUE_PAGES;
  // So that processes that start together take turns.
  let pages = Math.random() * DUE_PAGES;
  /** How much of the log was in the database after the last checkpoint. */
  let copiedBefore = 0;
  let urgent = false;

  function run(statement: typeof passive): { readonly busy: boolean; readonly log: number; readonly copied: number } {
    const [found] = statement.all() as { busy: number | bigint; log: number | bigint; checkpointed: number | bigint }[];
    return { busy: Number(found?.busy) !== 0, log: Number(found?.log), copied: Number(found?.checkpointed) };
  }

  /** Makes one, and returns after how many pages the next one is due. */
  function makeOne(): number {
    const wasUrgent = urgent;
    urgent = false;
    // The lock is free for a moment only.
    if (wasUrgent && !run(restart).busy) return DUE_PAGES;
    const { busy, log, copied } = run(passive);
    // A log of which all is copied starts again with the next write, if nobody reads it then.
    if ((log >= 0 && log <= LONG_LOG_PAGES) || (!busy && copied === log)) return DUE_PAGES;
    const again = run(restart);
    if (!again.busy) return DUE_PAGES;
    // While nothing more can be copied, a reader stays, and no try would help.
    urgent = again.copied < 0 || again.copied !== copiedBefore;
    copiedBefore = again.copied;
    return urgent ? RETRY_PAGES : DUE_PAGES;
  }

  return {
    wrote(count) {
      pages += count;
    },

    isDue: () => pages >= duePages,
    isUrgent: () => urgent && pages >= duePages,

    make() {
      pages = 0;
      try {
        duePages = makeOne();
      } catch {
        // All that was committed is in the log. The next call reports what is wrong with the database.
      }
    },
  };
}
