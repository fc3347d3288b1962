import type { SqliteClient } from "./sqlite-client.js";

/** A checkpoint is due when about so many pages were written, as by SQLite itself (`wal_autocheckpoint`). */
const DUE_PAGES = 1_000;
/** When others were in its way, it is tried again after so many more; at once when the log has become long. */
const RETRY_PAGES = 250;
const LONG_LOG_PAGES = 4_000;
/** It waits so long for those who write or read, which they do for less than a millisecond. */
const WAIT_MS = 10;

/** Copies the log into the database, now and then, so that the log starts anew. */
export interface Checkpoint {
  wrote(pages: number): void;
  /** Once enough was written; that takes some milliseconds of the disk. Never throws. */
  makeIfDue(): void;
}

/** Makes a connection's checkpoints in place of SQLite. */
export function takeOverCheckpoints(client: SqliteClient): Checkpoint {
  // SQLite's own lets others write meanwhile. When they never stop, the log never starts anew: it grows without end, and
  // each commit comes with a checkpoint. One that holds the write lock ends.
  client.exec("PRAGMA wal_autocheckpoint = 0");
  const restart = client.prepare("PRAGMA wal_checkpoint(RESTART)");
  // So that processes that start together take turns.
  let pages = Math.random() * DUE_PAGES;

  /** Makes one, and returns for how many pages it is not due. */
  function make(): number {
    client.exec(`PRAGMA busy_timeout = ${WAIT_MS}`);
    try {
      const [found] = restart.all() as { busy: number | bigint; log: number | bigint }[];
      const log = Number(found?.log);
      // With a log of -1 another process is at it.
      if (Number(found?.busy) === 0 || log === -1) return DUE_PAGES;
      return log > LONG_LOG_PAGES ? 0 : RETRY_PAGES;
    } finally {
      client.exec("PRAGMA busy_timeout = 0");
    }
  }

  return {
    wrote(count) {
      pages += count;
    },

    makeIfDue() {
      if (pages < DUE_PAGES) return;
      pages = DUE_PAGES - RETRY_PAGES;
      try {
        pages = DUE_PAGES - make();
      } catch {
        // What was committed is in the log. What ails the database, the next call hears of.
      }
    },
  };
}
