import type { Item } from "./stored.js";

/** An item as it was last seen. */
export interface Recent {
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
