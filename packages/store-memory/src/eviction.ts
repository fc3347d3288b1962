import { createSlotSet } from "./slot-set.js";

/** The information about slots that eviction needs. */
export interface SlotReader {
  expiresAtMs(slot: number): number;
  /** Returns whether half of a slot's limit is available again and its key is not blocked. */
  hasRecovered(slot: number, nowMs: number): boolean;
}

/**
 * Selects the slot to evict next. Slots whose keys are denied are guarded: a guarded slot is evicted only if every slot
 * in use is guarded. A slot stays guarded until half of its limit is available again, so that a client that gets one
 * token is not forgotten just before it uses it.
 */
export interface Eviction {
  /** Adds a slot that is now in use. */
  add(slot: number): void;
  guard(slot: number): void;
  unguard(slot: number): void;
  isGuarded(slot: number): boolean;
  /** Removes a slot that is no longer in use. */
  remove(slot: number): void;
  /** Returns the slot to evict. At least one slot must be in use. */
  victim(nowMs: number): number;
}

/**
 * Compares this many groups of neighbouring slots, spread evenly. Neighbours are of the same age, and so in a similar
 * state.
 */
const GROUPS = 8;
const NEIGHBOURS = 4;

/** How many guarded slots each eviction checks for recovery, and how many if all slots are guarded. */
const CHECKS = 2;
const CHECKS_OF_LAST = 16;

export function createEviction(capacity: number, { expiresAtMs, hasRecovered }: SlotReader): Eviction {
  const ordinary = createSlotSet(capacity);
  const guarded = createSlotSet(capacity);
  let hand = 0;
  let guardHand = 0;

  function unguard(slot: number): void {
    if (!guarded.has(slot)) return;
    guarded.delete(slot);
    ordinary.add(slot);
  }

  /** Stops guarding slots that have recovered, a few at a time. Returns a slot that has expired, or -1 if it met none. */
  function checkGuarded(nowMs: number): number {
    const checks = Math.min(guarded.size, ordinary.size === 0 ? CHECKS_OF_LAST : CHECKS);
    for (let i = 0; i < checks; i++) {
      const slot = guarded.nextFrom(guardHand);
      if (slot === -1) break;
      guardHand = slot + 1;
      if (expiresAtMs(slot) <= nowMs) return slot;
      if (hasRecovered(slot, nowMs)) unguard(slot);
    }
    return -1;
  }

  return {
    add: (slot) => ordinary.add(slot),

    guard(slot) {
      if (guarded.has(slot)) return;
      ordinary.delete(slot);
      guarded.add(slot);
    },

    unguard,
    isGuarded: (slot) => guarded.has(slot),

    remove(slot) {
      ordinary.delete(slot);
      guarded.delete(slot);
    },

    victim(nowMs) {
      const expired = checkGuarded(nowMs);
      if (expired !== -1) return expired;
      const candidates = ordinary.size > 0 ? ordinary : guarded;
      let victim = -1;
      let soonestMs = Number.POSITIVE_INFINITY;
      for (let group = 0; group < GROUPS; group++) {
        let at = (hand + Math.floor((group * capacity) / GROUPS)) % capacity;
        for (let i = 0; i < NEIGHBOURS; i++) {
          const slot = candidates.nextFrom(at);
          at = slot + 1;
          const endsAtMs = expiresAtMs(slot);
          if (endsAtMs < soonestMs || victim === -1) {
            victim = slot;
            soonestMs = endsAtMs;
          }
          if (endsAtMs <= nowMs) return victim;
        }
        if (group === 0) hand = at;
      }
      return victim;
    },
  };
}
