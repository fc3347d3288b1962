import type { SqliteClient } from "./client.js";

/** A checkpoint is due after about this many written pages, the same as in SQLite (`wal_autocheckpoint`). */
const DUE_PAGES = 1_000;
/** A log of this many pages is long: other processes have kept checkpoints from finishing. */
const LONG_LOG_PAGES = 2_000;
/** While others only write, the next checkpoint of a long log may get the lock. */
const RETRY_PAGES = 100;

/** Copies the log into the database from time to time, so that the log restarts at its beginning. */
export interface Checkpoint {
  wrote(pages: number): void;
  isDue(): boolean;
  /**
   * Returns whether a checkpoint must run directly after a commit, because the log is long and other processes have the
   * lock at all other times.
   */
  isUrgent(): boolean;
  /** Runs a checkpoint. Takes a few milliseconds of disk time, and waits for no lock. Never throws. */
  make(): void;
}

/** Runs the checkpoints of a connection instead of SQLite. */
export function takeOverCheckpoints(client: SqliteClient): Checkpoint {
  // If SQLite ran a checkpoint during a commit, callers would wait for the disk. The size limit makes the log file shorter
  // again after a long reader.
  client.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${LONG_LOG_PAGES * 4_096}`);
  // Lets others write meanwhile. If they never pause, it never reaches the end of the log.
  const passive = client.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  // Takes the write lock if it is free, and so reaches the end. There is no busy timeout, so it does not wait for readers
  // either.
  const restart = client.prepare("PRAGMA wal_checkpoint(RESTART)");
  let duePages = DUE_PAGES;
  // Random, so that processes that start together take turns.
  let pages = Math.random() * DUE_PAGES;
  /** How much of the log had been copied after the last checkpoint. */
  let copiedBefore = 0;
  let urgent = false;

  function run(statement: typeof passive): { readonly busy: boolean; readonly log: number; readonly copied: number } {
    const [found] = statement.all() as { busy: number | bigint; log: number | bigint; checkpointed: number | bigint }[];
    return { busy: Number(found?.busy) !== 0, log: Number(found?.log), copied: Number(found?.checkpointed) };
  }

  /** Runs a checkpoint. Returns after how many pages the next one is due. */
  function makeOne(): number {
    const wasUrgent = urgent;
    urgent = false;
    // The lock is free only for a moment.
    if (wasUrgent && !run(restart).busy) return DUE_PAGES;
    const { busy, log, copied } = run(passive);
    // A log that has been copied completely restarts with the next write, unless a process is reading it at that time.
    if ((log >= 0 && log <= LONG_LOG_PAGES) || (!busy && copied === log)) return DUE_PAGES;
    const again = run(restart);
    if (!again.busy) return DUE_PAGES;
    // If nothing more can be copied, a reader is holding the log, and another try would not help.
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
        // All commits are in the log. The next call reports any error of the database.
      }
    },
  };
}
