import { type CompareAndSet, SluiceError } from "@sluice/core/store";
import { createCaller } from "./caller.js";
import { rowKeyOf } from "./keys.js";
import { longestDeadline } from "./late.js";
import { createLooker } from "./look.js";
import type { Database } from "./postgres-client.js";
import { rowValueOf } from "./row-value.js";
import { seenIn } from "./seen.js";
import type { Statements } from "./statements.js";

/** Compares by the transaction that wrote the row. */
export function createCompareAndSet(
  database: Database,
  statements: Pick<Statements, "compareAndSet" | "look">,
  maxInFlight: number,
): CompareAndSet {
  const looker = createLooker(database, statements.look, maxInFlight);
  const write = createCaller(database, statements.compareAndSet, maxInFlight);
  return async (entryKey, next, options) => {
    const { nowMs, deadlineMs = longestDeadline() } = options ?? {};
    const rowKey = rowKeyOf(entryKey);
    if (next === undefined) return looker.add({ rowKey, nowMs, deadlineMs }, deadlineMs);
    const { blockedUntilMs, blockedForMs, cells, other } = rowValueOf(next.state, next.text);
    const now = nowMs === undefined ? null : String(nowMs);
    const block = [String(blockedUntilMs), blockedForMs === null ? null : String(blockedForMs)];
    const state = [cells && `{${cells.join()}}`, other];
    const seen = seenIn(await write([now, rowKey, next.over, ...block, ...state, String(next.ttlMs)], deadlineMs));
    if (seen instanceof SluiceError) throw seen;
    return seen;
  };
}
