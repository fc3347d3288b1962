import { BLANK, copyOfKey, roomOf } from "@sluice/core/kit";
import { createEviction } from "./eviction.js";

/** The width of the widest state with a fixed count of numbers, which is a token bucket's. */
const STATE_CELLS = 5;
export const BLOCKED_UNTIL_MS: number = STATE_CELLS;
/** The cell with the length of the block. 0 if there is none, or its length is unknown. */
export const BLOCKED_FOR_MS: number = STATE_CELLS + 1;
export const EXPIRES_AT_MS: number = STATE_CELLS + 2;
/** How many numbers a slot has. */
export const STRIDE: number = STATE_CELLS + 3;

/** All keys of one scope. */
export interface Table {
  readonly scope: string;
  /** The slot of each key. */
  readonly slotOf: Map<string, number>;
  /** Returns whether a slot's key is not blocked and its policy would allow a cost, which depends on the limit. */
  allows(slot: number, nowMs: number, costOf: (limit: number) => number): boolean;
}

/**
 * The memory of the store. One typed array has {@link STRIDE} numbers for each slot, so that a million keys are one object
 * to the garbage collector. State that is not numbers is kept separately.
 */
export interface Slots {
  /** Replaced when it grows, so read it again after `take`. */
  cells: Float64Array;
  /** State that is not a fixed count of numbers. */
  readonly objects: Map<number, unknown>;
  /** Slots in use. */
  size: number;
  /** Returns a blank slot for the key. Evicts another key if all slots are in use. */
  take(table: Table, key: string, nowMs: number): number;
  release(slot: number): void;
  /** Moves the slots of one table to another. */
  move(from: Table, to: Table): void;
  /** Guards a slot whose key is denied, so that it is evicted after all others. */
  guard(slot: number): void;
  /** Starts or ends the guard of a slot whose state was written, according to the new state. */
  wrote(slot: number, nowMs: number): void;
  /** Checks the next slot in turn and releases it if it has expired. A full round adds almost no time to each call. */
  sweepOne(nowMs: number): void;
  /** Yields every slot in use. */
  used(): Iterable<{ slot: number; table: Table; key: string }>;
  /** Frees the memory. No slot may be taken afterwards. */
  close(): void;
}

/**
 * Entries that expired this recently are kept. Most clients come back soon, and this saves a removal and an insertion.
 */
const LINGER_MS = 1_000;

/** @param tablesByScope holds every table with a slot, by its scope. Tables without slots are removed, to save room */
export function createSlots(maxKeys: number, tablesByScope: Map<string, Table>): Slots {
  let capacity = Math.min(maxKeys, 1024);
  let cells = new Float64Array(capacity * STRIDE);
  let keys: (string | undefined)[] = [];
  let tables: (Table | undefined)[] = [];
  const free: number[] = [];
  let hand = 0;
  let room = 0;
  const eviction = createEviction(maxKeys, {
    expiresAtMs,
    hasRecovered: (slot, nowMs) => tables[slot]?.allows(slot, nowMs, halfOf) ?? true,
  });

  function grow(): void {
    capacity = Math.min(maxKeys, capacity * 2);
    const larger = new Float64Array(capacity * STRIDE);
    larger.set(cells);
    cells = larger;
    slots.cells = larger;
  }

  function expiresAtMs(slot: number): number {
    return cells[slot * STRIDE + EXPIRES_AT_MS] as number;
  }

  function advanceHand(): number {
    hand = hand + 1 < keys.length ? hand + 1 : 0;
    return hand;
  }

  const slots: Slots = {
    cells,
    objects: new Map(),
    size: 0,

    take(table, key, nowMs) {
      room += roomOf(key);
      while (room > maxKeys && slots.size > 0) slots.release(eviction.victim(nowMs));
      const slot = free.pop() ?? keys.length;
      if (slot >= capacity) grow();
      const own = copyOfKey(key);
      keys[slot] = own;
      tables[slot] = table;
      table.slotOf.set(own, slot);
      if (table.slotOf.size === 1) tablesByScope.set(table.scope, table);
      eviction.add(slot);
      slots.size++;
      const at = slot * STRIDE;
      cells.fill(BLANK, at, at + STATE_CELLS);
      cells[at + BLOCKED_UNTIL_MS] = 0;
      cells[at + BLOCKED_FOR_MS] = 0;
      return slot;
    },

    release(slot) {
      const table = tables[slot] as Table;
      const key = keys[slot] as string;
      room -= roomOf(key);
      table.slotOf.delete(key);
      if (table.slotOf.size === 0) tablesByScope.delete(table.scope);
      eviction.remove(slot);
      keys[slot] = undefined;
      tables[slot] = undefined;
      slots.objects.delete(slot);
      // A free slot must never look expired, so that it is not released twice.
      cells[slot * STRIDE + EXPIRES_AT_MS] = Number.POSITIVE_INFINITY;
      free.push(slot);
      slots.size--;
    },

    move(from, to) {
      for (const [key, slot] of from.slotOf) {
        to.slotOf.set(key, slot);
        tables[slot] = to;
      }
      tablesByScope.set(to.scope, to);
    },

    guard: (slot) => eviction.guard(slot),

    wrote(slot, nowMs) {
      const table = tables[slot] as Table;
      if (!table.allows(slot, nowMs, () => 1)) eviction.guard(slot);
      else if (eviction.isGuarded(slot) && table.allows(slot, nowMs, halfOf)) eviction.unguard(slot);
    },

    sweepOne(nowMs) {
      if (keys.length > 0 && expiresAtMs(advanceHand()) + LINGER_MS <= nowMs) slots.release(hand);
    },

    *used() {
      for (let slot = 0; slot < keys.length; slot++) {
        const table = tables[slot];
        if (table !== undefined) yield { slot, table, key: keys[slot] as string };
      }
    },

    close() {
      cells = new Float64Array();
      slots.cells = cells;
      slots.size = 0;
      slots.objects.clear();
      keys = [];
      tables = [];
      tablesByScope.clear();
    },
  };
  return slots;
}

function halfOf(limit: number): number {
  return Math.ceil(limit / 2);
}
