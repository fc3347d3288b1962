import type { Item } from "./stored.js";

/** Remembers the items that were seen last, to guess how the next write on them has to look. Wrong guesses do no harm. */
export interface RecentItems {
  get(pk: string): Item | undefined;
  set(pk: string, item: Item): void;
  delete(pk: string): void;
}

/** Items with more text than this are not worth their memory: the next decision reads them, or guesses wrong once. */
const LONGEST_TEXT = 4_096;

export function createRecentItems(most: number): RecentItems {
  // In order of their last use.
  const items = new Map<string, Item>();
  return {
    get(pk) {
      const item = items.get(pk);
      if (item !== undefined) {
        items.delete(pk);
        items.set(pk, item);
      }
      return item;
    },
    set(pk, item) {
      items.delete(pk);
      if (textIn(item) > LONGEST_TEXT) return;
      items.set(pk, item);
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
  for (const value of Object.values(item)) length += value.M?.j?.S?.length ?? 0;
  return length;
}
