import { backOff } from "@sluice/core/kit";
import { SluiceError } from "@sluice/core/store";
import type { Pace } from "./requests.js";
import { type Slot, type Slots, timedOut } from "./slots.js";
import type { Item } from "./stored.js";
import type { Expression, Table } from "./table.js";

/** One item, while a batch of calls to it is answered. */
export interface Session {
  /** The item as it was last seen. Empty if it was never seen or does not exist. */
  readonly item: Item;
  /** True if it was seen after the calls were made. False if it is only a guess. */
  readonly fresh: boolean;
  /** True if others write it so often that a guess should assume a recent write. */
  readonly crowded: boolean;
  /** The reason why a request that is sent now can't be answered by the deadline. `undefined` if it can. */
  lateFor(deadlineMs: number): SluiceError | undefined;
  read(deadlineMs: number): Promise<void>;
  /**
   * Returns whether the item was written. If not, others had changed it, and `item` shows their result.
   *
   * @param expected the item after the write if the guess is right. A concurrent session starts with it
   * @param abandonMs how long to wait for the answer of a request that was sent in time, if longer than the deadline
   */
  write(expression: Expression, expected: Item, deadlineMs: number, abandonMs?: number): Promise<boolean>;
  delete(deadlineMs: number): Promise<void>;
}

/** The state that the sessions of all items share. */
export interface SessionResources {
  readonly table: Table;
  readonly slots: Slots;
  readonly pace: Pace;
  readonly recent: RecentItems;
}

/** The store gives up after losing this many races in one session, because another process keeps writing the item. */
const MAX_TRIES = 100;

/** Runs `body` with a session on an item, and finally releases the slot. */
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

  /** A failed request makes the item unknown. */
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

  /** Pauses, so that other requests can use the slot meanwhile. */
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
        // A concurrent session starts with the result of this write.
        recent.set(pk, guess);
        return table.update(pk, expression, Math.max(deadlineMs, abandonMs));
      });
      // The opposite guess would have been right.
      if (!written && !fresh) crowded = !crowded;
      const isLatest = recent.get(pk)?.item === guess.item;
      const later = recent.get(pk);
      see(seen);
      if (written) {
        // A later write has been sent meanwhile, and its guess is better.
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
  /** True if others write it often, so that what was seen is soon outdated: a bucket is then assumed to be in use. */
  readonly crowded: boolean;
}

/** Remembers recently seen items, to predict the conditions of the next write to them. Wrong guesses do no harm. */
export interface RecentItems {
  get(pk: string): Recent | undefined;
  set(pk: string, recent: Recent): void;
  delete(pk: string): void;
}

/** Items with more text than this are not remembered: the next decision reads them, or guesses wrong once. */
const LONGEST_TEXT = 4_096;

export function createRecentItems(most: number): RecentItems {
  // In order of their last use.
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
