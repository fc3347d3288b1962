import { TEST_GRACE_MS } from "@sluice/core/kit";
import {
  type Admission,
  type CallOptions,
  decideEntries,
  type Entry,
  type Next,
  type NextSweepTurn,
  type Outcome,
  type StoredEntry,
} from "@sluice/core/store";
import { stateOf } from "./session.js";
import type { View } from "./transaction.js";
import type { Transactor } from "./transactor.js";

/** Returns the time at which an entry with this lifetime expires. */
function expiryOf(view: View, ttlMs: number, nowMs: number | undefined): number {
  return view.nowMs + Math.max(1, ttlMs) + (nowMs === undefined ? 0 : TEST_GRACE_MS);
}

/** Decides an admission at the given time or by this process's clock. */
export function decide(
  { make }: Transactor,
  { claims, charge }: Admission,
  keys: readonly string[],
  { nowMs, deadlineMs }: CallOptions,
): Promise<Outcome> {
  return make((view) => {
    const entries = keys.map((key) => view.read(key) as Entry | undefined);
    const { outcome, writes } = decideEntries({ claims, charge }, entries, nowMs ?? view.nowMs);
    const isCharge = outcome.allowed && charge;
    writes.forEach((next, i) => {
      if (next === undefined) return;
      const key = keys[i] as string;
      const expiresMs = expiryOf(view, next.ttlMs, nowMs);
      if (isCharge) view.write(key, next.state, expiresMs);
      else view.repair(key, next.state, expiresMs);
    });
    return outcome;
  }, deadlineMs);
}

/** Implements `atomicUpdate` for one entry. */
export function update(
  { make }: Transactor,
  key: string,
  change: (state: unknown, nowMs: number) => Next<unknown> | undefined,
  { nowMs, deadlineMs }: CallOptions,
): Promise<unknown> {
  return make((view) => {
    const state = view.read(key);
    const next = change(state, nowMs ?? view.nowMs);
    if (next === undefined) return state;
    const written: unknown = JSON.parse(JSON.stringify(next.state));
    view.write(key, written, expiryOf(view, next.ttlMs, nowMs));
    return written;
  }, deadlineMs);
}

/** How many entries one transaction reads or writes, which takes a few milliseconds. */
export const PAGE = 256;

/** All live entries, in the order of their keys. */
export async function* pagesOf({ make }: Transactor): AsyncGenerator<readonly StoredEntry[]> {
  for (let after = ""; ; ) {
    const page = await make((view) => view.ask((session) => session.pageAfter(after, view.nowMs, PAGE)));
    yield page.map(({ key, row }) => ({ key, state: stateOf(row), expiresAtMs: row.expiresMs }));
    if (page.length < PAGE) return;
    after = page.at(-1)?.key ?? "";
  }
}

/** Writes the entries of a page whose keys are free. Resolves to the positions of the others. */
export function writePage({ make }: Transactor, page: readonly StoredEntry[]): Promise<readonly number[]> {
  return make((view) =>
    [...page.keys()].filter((position) => {
      const { key, state, expiresAtMs } = page[position] as StoredEntry;
      if (expiresAtMs <= view.nowMs) return false;
      if (view.read(key) !== undefined) return true;
      view.write(key, state, expiresAtMs);
      return false;
    }),
  );
}

/**
 * The key of the row that holds the turn of the process that sweeps. The row lives until the next turn. No entry has this
 * key, because only digests start with `#`.
 */
export const SWEEP_TURN = "#sweep";

/** How many rows one transaction examines: a millisecond or two, if all of them are removed. */
const STRETCH = 500;

/** Removes expired rows. */
export interface Sweeper {
  /** Removes up to `limit` rows. Resolves to the number removed. Continues where the last call ended. */
  sweep(limit: number): Promise<number>;
  /** Resolves to whether it is this process's turn. */
  takeTurn(next: NextSweepTurn): Promise<boolean>;
}

export function createSweeper({ make }: Transactor): Sweeper {
  let after = "";

  /** Examines the next rows. Takes the lock only if there is something to remove. */
  function sweepStretch(most: number): Promise<{ removed: number; lastKey: string }> {
    return make((view) => {
      const { rows, lastKey } = view.ask((session) => session.stretchAfter(after, STRETCH));
      const expired = view.ask((session) => session.expiredWithin(after, lastKey, view.nowMs, most));
      // Another call in the same transaction may have written one of them again.
      const gone = expired.filter((key) => !view.hasChanged(key));
      for (const key of gone) view.remove(key);
      // There may be more expired rows in this stretch.
      const full = expired.length === most;
      return {
        removed: gone.length,
        lastKey: full ? (expired.at(-1) ?? lastKey) : rows < STRETCH ? "" : lastKey,
      };
    });
  }

  return {
    async sweep(limit) {
      let removed = 0;
      const first = after;
      for (let wrapped = false; removed < limit; ) {
        const stretch = await sweepStretch(limit - removed);
        removed += stretch.removed;
        after = stretch.lastKey;
        if (after === "") {
          if (wrapped || first === "") break;
          wrapped = true;
        } else if (wrapped && !isBefore(after, first)) break;
      }
      return removed;
    },

    takeTurn: (next) =>
      make((view) => {
        const turn = next(view.read(SWEEP_TURN), view.nowMs);
        if (turn === undefined) return false;
        view.write(SWEEP_TURN, turn, turn[0]);
        return true;
      }),
  };
}

/** Compares keys in SQLite's order, which is the order of their UTF-8 bytes. */
function isBefore(key: string, other: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(other)) < 0;
}
