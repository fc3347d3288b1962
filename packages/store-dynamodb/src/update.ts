import { isDeepStrictEqual } from "node:util";
import type { Entry, Next } from "@sluice/core/store";
import { replaceExactly } from "./charge.js";
import type { Place } from "./place.js";
import type { Session } from "./session.js";
import { decode, encode } from "./stored.js";
import { createExpression, keepUntil } from "./table.js";

/** A call of `atomicUpdate`. */
export interface UpdateCall {
  readonly kind: "update";
  readonly place: Place;
  readonly change: (state: unknown, nowMs: number) => Next<unknown> | undefined;
  readonly nowMs: number | undefined;
  readonly deadlineMs: number;
}

/** A call of `delete`. */
export interface DeleteCall {
  readonly kind: "delete";
  readonly place: Place;
  readonly deadlineMs: number;
}

/**
 * Compares and sets, starting with a guess of the item. A right guess takes one request. So does a wrong guess if there is
 * nothing to write. A change that ran on a guess never provides the answer.
 */
export async function updateEntry(
  session: Session,
  { place, change, nowMs, deadlineMs }: UpdateCall,
): Promise<unknown> {
  for (;;) {
    const now = nowMs ?? Date.now();
    let next: Next<unknown> | undefined;
    let failed = false;
    let state: unknown;
    try {
      const kept = decode(place.algorithm, session.item[place.attribute]);
      // If a test sets the time, nothing expires, because DynamoDB's clock does not follow the test's.
      state = kept !== undefined && (nowMs !== undefined || kept.expiresAtMs > now) ? kept.state : undefined;
      next = change(state, now);
    } catch (error) {
      if (session.fresh) throw error;
      failed = true;
    }
    if (next !== undefined) {
      const ttlMs = Math.max(1, Math.ceil(next.ttlMs));
      const value = encode(place.algorithm, next.state, now + ttlMs);
      const expression = createExpression();
      replaceExactly(expression, place, session.item[place.attribute], value);
      const kept = keepUntil(expression, session.item, Math.max(now, Date.now()) + ttlMs);
      const expected = { ...session.item, [place.attribute]: value, ...kept };
      if (await session.write(expression, expected, deadlineMs)) return decode(place.algorithm, value)?.state;
    } else if (session.fresh) {
      return state;
    } else {
      const guessed = session.item[place.attribute];
      await session.read(deadlineMs);
      if (!failed && isDeepStrictEqual(session.item[place.attribute], guessed)) return state;
    }
  }
}

/** Deletes an entry. If the item has no other entry, deletes the item. */
export async function deleteEntry(session: Session, { place, deadlineMs }: DeleteCall): Promise<void> {
  if (place.algorithm === undefined) return session.delete(deadlineMs);
  for (;;) {
    const expression = createExpression();
    const at = expression.name(place.attribute);
    // Without this condition, a missing item would be created, without a time to live.
    expression.require(`attribute_exists(${at})`);
    expression.remove(at);
    const { [place.attribute]: _, ...others } = session.item;
    if (await session.write(expression, others, deadlineMs)) return;
    if (session.item[place.attribute] === undefined) return;
  }
}

/** An entry to write, and its lifetime. */
export interface Repaired {
  readonly place: Place;
  readonly entry: Entry | undefined;
  readonly ttlMs: number;
}

/**
 * Writes entries that were corrected when they were read, because the clock stepped back or the policy's numbers changed.
 * The decisions are valid even if the write fails. `undefined` if there is nothing to write.
 */
export function repair(session: Session, repaired: readonly Repaired[], nowMs: number): Promise<unknown> | undefined {
  if (repaired.length === 0) return undefined;
  const expression = createExpression();
  let expected = session.item;
  for (const { place, entry, ttlMs } of repaired) {
    const value = encode(place.algorithm, entry, nowMs + ttlMs);
    replaceExactly(expression, place, session.item[place.attribute], value);
    expected = { ...expected, [place.attribute]: value };
  }
  const longestMs = Math.max(...repaired.map(({ ttlMs }) => ttlMs));
  const kept = keepUntil(expression, session.item, Math.max(nowMs, Date.now()) + longestMs);
  return session.write(expression, { ...expected, ...kept }, performance.now() + MAX_REPAIR_MS).catch(() => {});
}

const MAX_REPAIR_MS = 1_000;

/** Waits for a repair, but at most half of the time until the decisions are due. */
export function half(repairing: Promise<unknown>, dueMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.min(MAX_REPAIR_MS, dueMs - performance.now()) / 2);
    void repairing.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
