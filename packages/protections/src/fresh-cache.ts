import { copyOfKey, hasRequestContexts, roomOf } from "@sluice/core/kit";
import type { Rule } from "@sluice/core/store";

/** The remembered value of a key. */
interface Slot<V> {
  readonly key: string;
  value: V | undefined;
  /** The period in which the value is valid. Unknown while the value is being read. */
  freshFromMs: number;
  freshUntilMs: number;
  reading: Promise<V> | undefined;
  /** When `reading` began, as a time of `performance.now()`. */
  readingSinceMs: number;
}

/** A value and how long it may be used. */
export interface Fresh<V> {
  readonly value: V;
  readonly forMs: number;
}

/** Remembers the results of reads for a short time, for a bounded number of keys. */
export interface FreshCache<V> {
  /**
   * Returns the value immediately if it is fresh enough, otherwise the result of `read`. Concurrent callers share one read,
   * unless it takes too long. A failed read is not remembered.
   *
   * @param instead returns an answer from the last value, if any, if the read fails. Default: the call rejects with the
   * read's error
   */
  get(key: string, read: () => Promise<Fresh<V>>, instead?: (last: V | undefined) => V): V | Promise<V>;
  /** Forgets a key and reads of it in flight. Later answers are never older than this call. */
  forget(key: string): void;
}

/**
 * Creates the cache.
 *
 * @param size the most keys. A long key counts as several. The key that has not been asked for longest is removed first
 * @param nowMs a clock that never steps back or ahead
 * @param timeoutMs the maximum time of a read. An older read will never end, for example because its timers were fake
 */
export function createFreshCache<V>(size: number, nowMs: () => number, timeoutMs: number): FreshCache<V> {
  const slots = new Map<string, Slot<V>>();
  let room = 0;
  // On Workers a read ends with the request that started it. Other requests that wait for it would wait forever.
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
    // Keeps the most recently used key last.
    forget(key);
    slots.set(slot.key, slot);
    room += roomOf(key);
    while (room > size) forget(slots.keys().next().value as string);
    return slot;
  }

  function forget(key: string): void {
    if (slots.delete(key)) room -= roomOf(key);
  }

  return {
    get(key, read, instead) {
      const slot = touch(key);
      const askedMs = nowMs();
      // If a test's clock steps back, the age of the value is unknown.
      if (slot.freshUntilMs > askedMs && slot.freshFromMs <= askedMs) return slot.value as V;
      const readMs = performance.now();
      if (slot.reading !== undefined && Math.abs(readMs - slot.readingSinceMs) < longestShareMs) return slot.reading;
      // Counted from the start of the read, because the value may be as old as that.
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
          if (!known && slots.get(key) === slot) forget(key);
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
    forget,
  };
}

/** The longest time for which a value may be remembered. */
export const MAX_STALE_MS = 3_600_000;

/** The maximum number of keys. A `Map` entry takes some hundred bytes, and V8 allows no more entries than this. */
export const CACHE_SIZE: Rule = { min: 1, max: 2 ** 24 };
