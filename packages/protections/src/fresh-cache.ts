import { hasRequestContexts } from "@sluice/core/kit";
import type { Rule } from "@sluice/core/store";

/** What is remembered of a key. */
interface Slot<V> {
  value: V | undefined;
  /** From when to when the value is good; not yet known while it is being read. */
  freshFromMs: number;
  freshUntilMs: number;
  reading: Promise<V> | undefined;
  /** When that began, by `performance.now()`. */
  readingSinceMs: number;
}

/** A value, and for how long it may be told to others. */
export interface Fresh<V> {
  readonly value: V;
  readonly forMs: number;
}

/** Remembers what was read for a short time, of a bounded number of keys. */
export interface FreshCache<V> {
  /**
   * The value if it is fresh enough, at once; otherwise what `read` finds. Callers at the same time share one read, unless it
   * takes too long, and one that fails is not remembered.
   *
   * @param instead makes an answer where the read fails, of the last value, if any; without it the read's error is told
   */
  get(key: string, read: () => Promise<Fresh<V>>, instead?: (last: V | undefined) => V): V | Promise<V>;
  /** Forgets a key, and what is being read for it: nobody is told anything older than this call. */
  forget(key: string): void;
}

/**
 * Makes the cache.
 *
 * @param size the most keys; the one that was asked for longest ago goes first
 * @param nowMs a clock that never jumps
 * @param timeoutMs how long a read takes at most. One that is older never ends, as when its timers were fake
 */
export function createFreshCache<V>(size: number, nowMs: () => number, timeoutMs: number): FreshCache<V> {
  const slots = new Map<string, Slot<V>>();
  // On Workers a read ends with the request that began it, and would keep all others waiting.
  const longestShareMs = hasRequestContexts() ? 0 : timeoutMs;

  function touch(key: string): Slot<V> {
    const slot = slots.get(key) ?? {
      value: undefined,
      freshFromMs: Number.NEGATIVE_INFINITY,
      freshUntilMs: Number.NEGATIVE_INFINITY,
      reading: undefined,
      readingSinceMs: 0,
    };
    // The key that was asked for last comes last.
    slots.delete(key);
    slots.set(key, slot);
    if (slots.size > size) slots.delete(slots.keys().next().value as string);
    return slot;
  }

  return {
    get(key, read, instead) {
      const slot = touch(key);
      const askedMs = nowMs();
      // A test's clock may step back: then nobody knows how old the value is.
      if (slot.freshUntilMs > askedMs && slot.freshFromMs <= askedMs) return slot.value as V;
      const readMs = performance.now();
      if (slot.reading !== undefined && Math.abs(readMs - slot.readingSinceMs) < longestShareMs) return slot.reading;
      // Counted from before the read: the value may be as old as that.
      const startMs = askedMs;
      const known = slot.freshUntilMs > Number.NEGATIVE_INFINITY;
      const reading = read()
        .then(({ value, forMs }) => {
          slot.value = value;
          slot.freshFromMs = startMs;
          slot.freshUntilMs = startMs + forMs;
          return value;
        })
        .catch((error: unknown) => {
          if (!known && slots.get(key) === slot) slots.delete(key);
          if (instead !== undefined) return instead(slot.value);
          throw error;
        })
        .finally(() => {
          if (slot.reading === reading) slot.reading = undefined;
        });
      slot.reading = reading;
      slot.readingSinceMs = readMs;
      return reading;
    },
    forget(key) {
      slots.delete(key);
    },
  };
}

/** The longest that what was read may be remembered. */
export const MAX_STALE_MS = 3_600_000;

/** How many keys may be remembered. A key of a `Map` takes some hundred bytes, and V8 has no more of them. */
export const CACHE_SIZE: Rule = { min: 1, max: 2 ** 24 };
