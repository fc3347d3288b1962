import type { Transactor } from "./transactor.js";

/** The row of whoever sweeps in turn: it lives until the next one's turn. No entry has this name: `#` starts digests only. */
export const SWEEP_TURN = "#sweep";

/** How many rows one transaction looks at: a millisecond or two, if all of them have to go. */
const STRETCH = 500;

/** Removes expired rows. */
export interface Sweeper {
  /** Removes up to `limit` rows and resolves to their count. Goes on where the last call ended. */
  sweep(limit: number): Promise<number>;
  /** Whether it is this process's turn: once in `everyMs`, for all processes together. */
  takeTurn(everyMs: number): Promise<boolean>;
}

export function createSweeper({ make }: Transactor): Sweeper {
  let after = "";

  /** Looks at the next rows. The lock is taken only if there is something to remove. */
  function sweepStretch(most: number): Promise<{ removed: number; lastKey: string }> {
    return make((view) => {
      const { rows, lastKey } = view.ask((session) => session.stretchAfter(after, STRETCH));
      const expired = view.ask((session) => session.expiredWithin(after, lastKey, view.nowMs, most));
      // A call of the same transaction may have begun one of them anew.
      const gone = expired.filter((key) => !view.hasChanged(key));
      for (const key of gone) view.remove(key);
      // There may be more on this stretch.
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

    takeTurn: (everyMs) =>
      make((view) => {
        if (view.read(SWEEP_TURN) !== undefined) return false;
        view.write(SWEEP_TURN, null, view.nowMs + everyMs);
        return true;
      }),
  };
}

/** In SQLite's order, which is that of UTF-8. */
function isBefore(key: string, other: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(other)) < 0;
}
