import { backOff } from "@sluice/core/kit";
import { SluiceError } from "@sluice/core/store";
import type { Pace } from "./requests.js";
import { type Slot, type Slots, timedOut } from "./slots.js";
import type { Item } from "./stored.js";
import type { Expression, Table } from "./table.js";

/** One item, while a batch of calls on it is answered. */
export interface Session {
  /** The item as it was last seen; empty if it was never seen, or does not exist. */
  readonly item: Item;
  /** True if it was seen since the calls were made, and is not only a guess. */
  readonly fresh: boolean;
  /** True if others write it so often that a guess should assume a recent write. */
  readonly crowded: boolean;
  /** The reason why a request that is sent now can't be answered by then; `undefined` if it can. */
  lateFor(deadlineMs: number): SluiceError | undefined;
  read(deadlineMs: number): Promise<void>;
  /**
   * Returns whether it was written. If not, others had written, and the item shows the result.
   *
   * @param expected the item after the write if the guess is right: the start of a concurrent session
   * @param abandonMs how long to wait for the answer of a request that was sent in time, if that is longer
   */
  write(expression: Expression, expected: Item, deadlineMs: number, abandonMs?: number): Promise<boolean>;
  delete(deadlineMs: number): Promise<void>;
}

/** The state that sessions on all items share. */
export interface SessionResources {
  readonly table: Table;
  readonly slots: Slots;
  readonly pace: Pace;
  readonly recent: RecentItems;
}

/** After this many lost races in one session the store gives up: another process writes the item without pause. */
const MAX_TRIES = 100;

/** Runs `body` with a session on an item, and releases the slot in the end. */
export async function withSession<T>(
  { table, slots, pace, recent }: SessionResources,
  pk: string,
  firstSlot: Slot,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  let slot = firstSlot;
  let { item, crowded } = recent.get(pk) ?? { item: {}, crowded: false };
  let fresh = false;
  let tries = 0;

  function see(seen: Item): void {
    item = seen;
    fresh = true;
    recent.set(pk, { item: seen, crowded });
  }

  /** The item is unknown after a failed request. */
  async function asking<A>(deadlineMs: number, ask: () => Promise<A>): Promise<A> {
    const late = session.lateFor(deadlineMs);
    if (late !== undefined) throw late;
    try {
      return await ask();
    } catch (error) {
      item = {};
      fresh = false;
      recent.delete(pk);
      throw error;
    }
  }

  /** Other requests may use the slot in the meantime. */
  async function pause(deadlineMs: number): Promise<void> {
    slot.release();
    await backOff(tries, 1);
    slot = await slots.applyAgain(deadlineMs);
  }

  const session: Session = {
    get item() {
      return item;
    },
    get fresh() {
      return fresh;
    },
    get crowded() {
      return crowded;
    },
    lateFor: (deadlineMs) => (deadlineMs > pace.hopelessMs(performance.now()) ? undefined : timedOut(pace.error)),
    async read(deadlineMs) {
      see(await asking(deadlineMs, () => table.read(pk, deadlineMs)));
    },
    async write(expression, expected, deadlineMs, abandonMs = deadlineMs) {
      const guess = { item: expected, crowded };
      const { written, item: seen } = await asking(deadlineMs, () => {
        // A concurrent session begins with the result of this write.
        recent.set(pk, guess);
        return table.update(pk, expression, Math.max(deadlineMs, abandonMs));
      });
      // The other guess would have been the right one.
      if (!written && !fresh) crowded = !crowded;
      const isLatest = recent.get(pk)?.item === guess.item;
      const later = recent.get(pk);
      see(seen);
      if (written) {
        // A later write has been sent in the meantime: its guess is better.
        if (!isLatest && later !== undefined) recent.set(pk, later);
        return true;
      }
      tries++;
      if (tries >= MAX_TRIES) {
        throw new SluiceError("STORE_CONTENDED", `other writers won each of ${MAX_TRIES} races for one key`);
      }
      // The first lost race only shows that the guess was wrong.
      if (tries > 1) await pause(deadlineMs);
      return false;
    },
    async delete(deadlineMs) {
      await asking(deadlineMs, () => table.delete(pk, deadlineMs));
      see({});
    },
  };

  try {
    return await body(session);
  } finally {
    slot.release();
  }
}

/** An item as it was last seen. */
interface Recent {
  readonly item: Item;
  /** True if others write it so often that what was seen is soon out of date: then assume that a bucket is in use. */
  readonly crowded: boolean;
}

/** Remembers recently seen items, to predict the condition of the next write on them. Wrong guesses do no harm. */
export interface RecentItems {
  get(pk: string): Recent | undefined;
  set(pk: string, recent: Recent): void;
  delete(pk: string): void;
}

/** Items with more text than this are not kept: the next decision reads them, or guesses wrong once. */
const LONGEST_TEXT = 4_096;

export function createRecentItems(most: number): RecentItems {
  // In order of last use.
  const items = new Map<string, Recent>();
  return {
    get(pk) {
      const recent = items.get(pk);
      if (recent !== undefined) {
        items.delete(pk);
        items.set(pk, recent);
      }
      return recent;
    },
    set(pk, recent) {
      items.delete(pk);
      if (textIn(recent.item) > LONGEST_TEXT) return;
      items.set(pk, recent);
      if (items.size > most) {
        const [oldest] = items.keys();
        items.delete(oldest as string);
      }
    },
    delete: (pk) => void items.delete(pk),
  };
}

function textIn(item: Item): number {
  let length = 0;
  for (const { M } of Object.values(item)) length += (M?.j?.S ?? M?.g?.S ?? "").length;
  return length;
}
