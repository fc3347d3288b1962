import { copyOfKey, hasRequestContexts } from "@sluice/core/kit";
import type { Rule } from "@sluice/core/store";

/** The remembered value of a key. */
interface Slot<V> {
  readonly key: string;
  value: V | undefined;
  /** The period in which the value is valid. Unknown while it is being read. */
  freshFromMs: number;
  freshUntilMs: number;
  reading: Promise<V> | undefined;
  /** When `reading` began: a time of `performance.now()`. */
  readingSinceMs: number;
}

/** A value, and how long it may be used. */
export interface Fresh<V> {
  readonly value: V;
  readonly forMs: number;
}

/** Remembers the results of reads for a short time, for a bounded number of keys. */
export interface FreshCache<V> {
  /**
   * Returns the value if it is fresh enough, at once; otherwise the result of `read`. Concurrent callers share one
   * read, unless it takes too long. A read that fails is not remembered.
   *
   * @param instead makes an answer if the read fails, from the last value, if any; without it, the read's error is the
   * answer
   */
  get(key: string, read: () => Promise<Fresh<V>>, instead?: (last: V | undefined) => V): V | Promise<V>;
  /** Forgets a key, and reads of it in flight: later answers are never older than this call. */
  forget(key: string): void;
}

/**
 * Creates the cache.
 *
 * @param size the most keys; the one that was asked for longest ago goes first
 * @param nowMs a clock that never jumps
 * @param timeoutMs the maximum time of a read. One that is older never ends, as when its timers were fake
 */
export function createFreshCache<V>(size: number, nowMs: () => number, timeoutMs: number): FreshCache<V> {
  const slots = new Map<string, Slot<V>>();
  // On Workers a read ends with the request that began it, and would keep all others waiting.
  const longestShareMs = hasRequestContexts() ? 0 : timeoutMs;

  function touch(key: string): Slot<V> {
    const slot = slots.get(key) ?? {
      key: copyOfKey(key),
      value: undefined,
      freshFromMs: Number.NEGATIVE_INFINITY,
      freshUntilMs: Number.NEGATIVE_INFINITY,
      reading: undefined,
      readingSinceMs: 0,
    };
    // The key that was asked for last comes last.
    slots.delete(key);
    slots.set(slot.key, slot);
    if (slots.size > size) slots.delete(slots.keys().next().value as string);
    return slot;
  }

  return {
    get(key, read, instead) {
      const slot = touch(key);
      const askedMs = nowMs();
      // A test's clock may step back: then the age of the value is unknown.
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

/** The longest time for which a value may be remembered. */
export const MAX_STALE_MS = 3_600_000;

/** The maximum number of keys. A key of a `Map` takes some hundred bytes, and V8 allows no more of them. */
export const CACHE_SIZE: Rule = { min: 1, max: 2 ** 24 };
