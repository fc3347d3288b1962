import { type CompareAndSet, SluiceError } from "@sluice/core";
import { hasNotRun } from "./failure.js";
import { rowKeyOf } from "./keys.js";
import { isLate, tooLate } from "./late.js";
import { createLooker } from "./look.js";
import type { Database } from "./postgres-client.js";
import { rowValueOf } from "./row-value.js";
import { seenIn } from "./seen.js";
import type { Statements } from "./statements.js";

/** Compares by the transaction that wrote the row. */
export function createCompareAndSet(
  database: Database,
  statements: Pick<Statements, "compareAndSet" | "look">,
  maxLooksInFlight: number,
): CompareAndSet {
  const looker = createLooker(database, statements.look, maxLooksInFlight);
  return async (entryKey, write, options) => {
    const { nowMs, deadlineMs = Number.POSITIVE_INFINITY } = options ?? {};
    const rowKey = rowKeyOf(entryKey);
    if (write === undefined) return looker.add({ rowKey, nowMs, deadlineMs }, deadlineMs);
    const { blockedUntilMs, cells, other } = rowValueOf(write.state, write.text);
    const now = nowMs === undefined ? null : String(nowMs);
    const next = [write.over, String(blockedUntilMs), cells && `{${cells.join()}}`, other, String(write.ttlMs)];
    const reply = await database.connected(async (connection) => {
      for (;;) {
        if (isLate(deadlineMs)) throw tooLate();
        try {
          return await connection.run(statements.compareAndSet, [now, rowKey, ...next]);
        } catch (error) {
          if (!hasNotRun(error)) throw error;
        }
      }
    });
    const seen = seenIn(reply);
    if (seen instanceof SluiceError) throw seen;
    return seen;
  };
}
