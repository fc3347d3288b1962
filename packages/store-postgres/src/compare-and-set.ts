import { type CompareAndSet, unreadableState } from "@sluice/core";
import { hasNotRun } from "./failure.js";
import { rowKeyOf } from "./keys.js";
import { deadlineOf, isLate, tooLate } from "./late.js";
import type { Database, Statement } from "./postgres-client.js";
import { rowValueOf } from "./row-value.js";

/** See `v0003_compare_and_set.sql`. */
type Reply = [written: 1] | [written: 0, nowMs: number, version?: string, state?: unknown];

/** Compares by the transaction that wrote the row. */
export function createCompareAndSet(database: Database, statement: Statement): CompareAndSet {
  return async (entryKey, write, options) => {
    const deadlineMs = deadlineOf(options?.timeoutMs);
    const now = options?.nowMs === undefined ? null : String(options.nowMs);
    const { blockedUntilMs, cells, other } = rowValueOf(write?.state, write?.text ?? "");
    const values =
      write === undefined
        ? [null, null, null, null, null]
        : [write.over, String(blockedUntilMs), cells && `{${cells.join()}}`, other, String(write.ttlMs)];
    const reply = await database.connected(async (connection) => {
      for (;;) {
        if (isLate(deadlineMs)) throw tooLate();
        try {
          return await connection.run(statement, [now, rowKeyOf(entryKey), ...values]);
        } catch (error) {
          if (!hasNotRun(error)) throw error;
        }
      }
    });
    const [written, nowMs = 0, version = "", state] = parse(reply);
    return { written: written === 1, nowMs, state, version };
  };
}

function parse(reply: string): Reply {
  try {
    return JSON.parse(reply);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}
