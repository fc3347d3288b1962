import { backOff } from "@sluice/core/kit";
import { SluiceError } from "@sluice/core/store";
import type { Pace } from "./requests.js";
import { type Slot, type Slots, timedOut } from "./slots.js";
import type { Item } from "./stored.js";
import type { Expression, Table } from "./table.js";

/** One item, while a batch of calls on it is answered. */
export interface Session {
  /** The item as it was last seen; empty when it never was, or there is none. */
  readonly item: Item;
  /** Whether it was seen since the calls were made, and is no mere guess. */
  readonly fresh: boolean;
  /** Whether others write it so often that a guess should not be that nobody has lately. */
  readonly crowded: boolean;
  /** Why a request that is sent now can't be answered by then; `undefined` when it can. */
  lateFor(deadlineMs: number): SluiceError | undefined;
  read(deadlineMs: number): Promise<void>;
  /**
   * Whether it was written. If not, others had written, and the item shows what.
   *
   * @param expected the item as the write leaves it if the guess is right: what a session beside this one begins with
   * @param abandonMs until when to wait for the answer of what was sent in time, if that is longer
   */
  write(expression: Expression, expected: Item, deadlineMs: number, abandonMs?: number): Promise<boolean>;
  delete(deadlineMs: number): Promise<void>;
}

/** What sessions on all items share. */
export interface SessionResources {
  readonly table: Table;
  readonly slots: Slots;
  readonly pace: Pace;
  readonly recent: RecentItems;
}

/** After so many lost races in one session the store gives up: somebody writes the item without pause. */
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

  /** Afterwards the item is unknown if the request failed. */
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

  /** Others have the slot meanwhile. */
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
        // A session beside this one begins with what this write leaves.
        recent.set(pk, guess);
        return table.update(pk, expression, Math.max(deadlineMs, abandonMs));
      });
      // The other guess would have been the right one.
      if (!written && !fresh) crowded = !crowded;
      const isLatest = recent.get(pk)?.item === guess.item;
      const later = recent.get(pk);
      see(seen);
      if (written) {
        // A later write has been sent meanwhile: its guess is the better one.
        if (!isLatest && later !== undefined) recent.set(pk, later);
        return true;
      }
      tries++;
      if (tries >= MAX_TRIES) {
        throw new SluiceError("STORE_CONTENDED", `others won each of ${MAX_TRIES} races to write one key`);
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
  /** Whether others write it so often that what was seen is soon over: it is then better to guess that a bucket is in use. */
  readonly crowded: boolean;
}

/** Remembers the items that were seen last, to guess how the next write on them has to look. Wrong guesses do no harm. */
export interface RecentItems {
  get(pk: string): Recent | undefined;
  set(pk: string, recent: Recent): void;
  delete(pk: string): void;
}

/** Items with more text than this are not worth their memory: the next decision reads them, or guesses wrong once. */
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
