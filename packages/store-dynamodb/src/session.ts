import { SluiceError } from "@sluice/core";
import type { Expression } from "./expression.js";
import type { RecentItems } from "./recent-items.js";
import type { Slots } from "./slots.js";
import type { Item } from "./stored.js";
import type { Table } from "./table.js";

/** One item, while a batch of calls on it is answered. */
export interface Session {
  /** The item as it was last seen; empty when it never was, or there is none. */
  readonly item: Item;
  /** Whether it was seen since the calls were made, and is no mere guess. */
  readonly fresh: boolean;
  /** Whether others write it so often that a guess should not be that nobody has lately. */
  readonly crowded: boolean;
  read(deadlineMs: number): Promise<void>;
  /** Whether it was written. If not, others had written, and the item shows what. */
  write(expression: Expression, deadlineMs: number): Promise<boolean>;
  delete(deadlineMs: number): Promise<void>;
}

/** After so many lost races in one session the store gives up: somebody writes the item without pause. */
const MOST_TRIES = 100;

/** Runs `body` with a session on an item, on a slot that requests need. */
export async function withSession<T>(
  { table, slots, recent }: { table: Table; slots: Slots; recent: RecentItems },
  pk: string,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  let { item, crowded } = recent.get(pk) ?? { item: {}, crowded: false };
  let fresh = false;
  let tries = 0;

  function see(seen: Item): void {
    item = seen;
    fresh = true;
    recent.set(pk, { item: seen, crowded });
  }

  /** What is there now after a failure is not known. */
  async function asking<A>(answer: Promise<A>): Promise<A> {
    try {
      return await answer;
    } catch (error) {
      item = {};
      fresh = false;
      recent.delete(pk);
      throw error;
    }
  }

  /** While it waits others have the slot. */
  async function pause(): Promise<void> {
    slots.give();
    try {
      await backOff(tries);
    } finally {
      await slots.take();
    }
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
    async read(deadlineMs) {
      see(await asking(table.read(pk, deadlineMs)));
    },
    async write(expression, deadlineMs) {
      const { written, item: seen } = await asking(table.update(pk, expression, deadlineMs));
      // The other guess would have been the right one.
      if (!written && !fresh) crowded = !crowded;
      see(seen);
      if (written) return true;
      tries++;
      if (tries >= MOST_TRIES) {
        throw new SluiceError("STORE_CONTENDED", `others won each of ${MOST_TRIES} races to write one key`);
      }
      // The first lost race only shows that the guess was wrong.
      if (tries > 1) await pause();
      return false;
    },
    async delete(deadlineMs) {
      await asking(table.delete(pk, deadlineMs));
      see({});
    },
  };

  await slots.take();
  try {
    return await body(session);
  } finally {
    slots.give();
  }
}

/** Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015), 50 ms at most. */
function backOff(tries: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(50, 2 ** tries)));
}
