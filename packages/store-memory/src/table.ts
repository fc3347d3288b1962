import { BLANK, type CellAlgorithm, isEntry } from "@sluice/core/kit";
import {
  type Algorithm,
  algorithmOf,
  type Entry,
  type Finding,
  type Policy,
  unreadableState,
} from "@sluice/core/store";
import { BLOCKED_FOR_MS, BLOCKED_UNTIL_MS, EXPIRES_AT_MS, type Slots, STRIDE, type Table } from "./slots.js";

/** A key without a slot. */
export const NO_SLOT = -1;

/** The state of the keys of one scope, in a form that suits its algorithm. */
export interface StateTable extends Table {
  /** Kept to find out whether a key is exhausted. */
  policy: Policy | undefined;
  /** How long the last written state is kept, if that is longer than until the whole limit is available again. */
  readonly ttlMs: number | undefined;
  /** False for records, and for entries that were written before a decision, because their policy is unknown. */
  readonly isRead: boolean;
  /**
   * Judges a slot's state or, with {@link NO_SLOT}, a missing state. Returns true if it first had to repair the state,
   * because the clock stepped back or the policy's numbers changed.
   */
  judge(slot: number, policy: Policy, nowMs: number, cost: number, finding: Finding): boolean;
  /** Charges a cost that `judge` allowed. */
  charge(slot: number, policy: Policy, nowMs: number, cost: number): void;
  /** Returns the state as `atomicUpdate` reads it. */
  read(slot: number): unknown;
  write(slot: number, state: unknown): void;
}

/** Creates the table of a scope, in the form that suits its algorithm. */
export function createTable(scope: string, slots: Slots, policy: Policy): StateTable {
  const algorithm = algorithmOf(policy);
  return isInPlace(algorithm) ? cellTable(scope, slots, algorithm) : entryTable(scope, slots, algorithm);
}

/** Returns whether a state's cells fit before the cells of the block. */
function isInPlace(algorithm: Algorithm): algorithm is CellAlgorithm {
  return "judge" in algorithm && (algorithm as CellAlgorithm).width <= BLOCKED_UNTIL_MS;
}

/** The value of the first cell if the state is not the algorithm's, and is therefore kept as text. */
const FOREIGN = Number.NaN;

const fresh = new Float64Array(STRIDE).fill(BLANK);
const probe: Finding = { allowed: false, remaining: 0, retryAfterMs: undefined, resetAfterMs: 0, epochMs: 0 };

function cellTable(scope: string, slots: Slots, algorithm: CellAlgorithm): StateTable {
  const { width } = algorithm;

  /** Returns whether a state is an entry of this algorithm, and so fits into the cells. */
  function fits(state: unknown): state is Entry {
    if (!isEntry(state) || state.length !== state[0] + 2 || typeof state[1] !== "number") return false;
    const numbers = state[2];
    if (numbers === null) return true;
    return Array.isArray(numbers) && numbers.length === width && numbers.every((value) => typeof value === "number");
  }

  function look(slot: number, policy: Policy, nowMs: number, cost: number): Finding {
    if (Number.isNaN(slots.cells[slot * STRIDE])) throw unreadableState();
    algorithm.judge(slots.cells, slot * STRIDE, policy, nowMs, cost, probe);
    return probe;
  }

  const json = jsonTable(scope, slots);
  const table: StateTable = {
    ...json,
    isRead: true,
    allows: (slot, nowMs, costOf) => allows(table, slots, slot, nowMs, costOf, look),
    judge(slot, policy, nowMs, cost, finding) {
      if (slot === NO_SLOT) {
        algorithm.judge(fresh, 0, policy, nowMs, cost, finding);
        return false;
      }
      const at = slot * STRIDE;
      if (Number.isNaN(slots.cells[at])) throw unreadableState();
      const repaired = algorithm.correct(slots.cells, at, policy, nowMs);
      algorithm.judge(slots.cells, at, policy, nowMs, cost, finding);
      return repaired;
    },
    charge(slot, policy, nowMs, cost) {
      algorithm.charge(slots.cells, slot * STRIDE, policy, nowMs, cost);
    },
    read(slot) {
      if (Number.isNaN(slots.cells[slot * STRIDE])) return json.read(slot);
      const at = slot * STRIDE;
      const blank = slots.cells[at] === BLANK;
      const state = blank ? null : Array.from(slots.cells.subarray(at, at + width));
      return entryOf(slots, slot, state);
    },
    write(slot, state) {
      const at = slot * STRIDE;
      if (!fits(state)) {
        json.write(slot, state);
        slots.cells[at] = FOREIGN;
        setBlock(slots, slot, undefined);
        return;
      }
      slots.objects.delete(slot);
      setBlock(slots, slot, state);
      if (state[2] === null) slots.cells.fill(BLANK, at, at + width);
      else slots.cells.set(state[2] as number[], at);
    },
  };
  return table;
}

/** Sluice's algorithm with state of any size. Its arrays never change, so they are kept without a copy. */
const LOG = "sliding-log";

/** A table for an algorithm with state of any size. State of custom algorithms is kept as text, as in other stores. */
function entryTable(scope: string, slots: Slots, algorithm: Algorithm): StateTable {
  const get = (slot: number): unknown => {
    const kept = slots.objects.get(slot);
    return typeof kept === "string" ? JSON.parse(kept) : kept;
  };
  const set = (slot: number, entry: Entry): void => {
    slots.objects.set(slot, algorithm.name === LOG ? entry : JSON.stringify(entry));
  };
  const stateOf = (slot: number): unknown => {
    // Other stores do not return expired state either. A log contains its own times.
    const endsAtMs = slots.cells[slot * STRIDE + EXPIRES_AT_MS] as number;
    if (algorithm.name !== LOG && endsAtMs <= Date.now()) return undefined;
    const entry = get(slot);
    if (entry !== undefined && !isEntry(entry)) throw unreadableState();
    return entry?.[2] ?? undefined;
  };
  const look = (slot: number, policy: Policy, nowMs: number, cost: number): Finding =>
    algorithm.step(stateOf(slot), policy, nowMs, cost);
  const json = jsonTable(scope, slots);
  const table: StateTable & { ttlMs: number | undefined } = {
    ...json,
    isRead: true,
    allows: (slot, nowMs, costOf) => allows(table, slots, slot, nowMs, costOf, look),
    judge(slot, policy, nowMs, cost, finding) {
      const found = algorithm.step(stateOf(slot), policy, nowMs, cost);
      finding.allowed = found.allowed;
      finding.remaining = found.remaining;
      finding.retryAfterMs = found.retryAfterMs;
      finding.resetAfterMs = found.resetAfterMs;
      finding.epochMs = found.epochMs;
      const { next } = found;
      // If a cost fits, `next` is the charge.
      if (next === undefined || (found.allowed && cost > 0)) return false;
      table.ttlMs = next.ttlMs;
      set(slot, entryOf(slots, slot, next.state));
      return true;
    },
    charge(slot, policy, nowMs, cost) {
      const state = stateOf(slot);
      const { next } = algorithm.step(state, policy, nowMs, cost);
      table.ttlMs = next?.ttlMs;
      set(slot, entryOf(slots, slot, next === undefined ? (state ?? null) : next.state));
    },
    read(slot) {
      const entry = get(slot);
      // The block may have been shortened since.
      return isEntry(entry) ? entryOf(slots, slot, entry[2]) : entry;
    },
    write(slot, state) {
      if (!isEntry(state) || typeof state[1] !== "number") {
        json.write(slot, state);
        return setBlock(slots, slot, undefined);
      }
      set(slot, state);
      setBlock(slots, slot, state);
    },
  };
  return table;
}

/** A table for any state. It is kept as text, so that no caller can change it and it reads as from any other store. */
export function jsonTable(scope: string, slots: Slots): StateTable {
  return {
    scope,
    slotOf: new Map(),
    policy: undefined,
    ttlMs: undefined,
    isRead: false,
    allows: () => false,
    judge: () => false,
    charge() {},
    read: (slot) => JSON.parse(slots.objects.get(slot) as string),
    write(slot, state) {
      slots.objects.set(slot, JSON.stringify(state));
    },
  };
}

/** The entry of a slot, including its block. */
function entryOf(slots: Slots, slot: number, state: unknown): Entry {
  const blockedUntilMs = slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS] as number;
  const blockedForMs = slots.cells[slot * STRIDE + BLOCKED_FOR_MS] as number;
  return blockedForMs > 0 ? [2, blockedUntilMs, state, blockedForMs] : [1, blockedUntilMs, state];
}

function setBlock(slots: Slots, slot: number, entry: Entry | undefined): void {
  slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS] = entry?.[1] ?? 0;
  slots.cells[slot * STRIDE + BLOCKED_FOR_MS] = entry?.[3] ?? 0;
}

/** Shortens a block that would last longer than its length, because the clock stepped back. Returns true if it did. */
export function correctBlock(slots: Slots, slot: number, nowMs: number): boolean {
  const at = slot * STRIDE;
  const forMs = slots.cells[at + BLOCKED_FOR_MS] as number;
  if (forMs === 0 || (slots.cells[at + BLOCKED_UNTIL_MS] as number) - nowMs <= forMs) return false;
  slots.cells[at + BLOCKED_UNTIL_MS] = nowMs + forMs;
  return true;
}

/** Judges a slot without changing it. */
type Look = (slot: number, policy: Policy, nowMs: number, cost: number) => { readonly allowed: boolean };

/** See {@link Table.allows}. State that can't be judged allows nothing: it is a block, or was written by another release. */
function allows(
  { policy }: StateTable,
  slots: Slots,
  slot: number,
  nowMs: number,
  costOf: (limit: number) => number,
  look: Look,
): boolean {
  if ((slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS] as number) > nowMs || policy === undefined) return false;
  try {
    return look(slot, policy, nowMs, costOf(algorithmOf(policy).quota(policy).limit)).allowed;
  } catch {
    return false;
  }
}

/** Keeps a slot at least until a time. */
export function keepUntil(slots: Slots, slot: number, untilMs: number): void {
  const at = slot * STRIDE;
  slots.cells[at + EXPIRES_AT_MS] = Math.max(untilMs, slots.cells[at + BLOCKED_UNTIL_MS] as number);
}
