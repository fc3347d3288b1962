import {
  type Algorithm,
  BLANK,
  builtInAlgorithms,
  type CellAlgorithm,
  type Entry,
  type Finding,
  type Policy,
  unreadableState,
} from "@sluice/core";
import { BLOCKED_UNTIL_MS, EXPIRES_AT_MS, type Slots, STRIDE, type Table } from "./slots.js";

/** In place of a slot, for a key that has none. */
export const NO_SLOT = -1;

/** The state of one scope's keys, in the form that suits its algorithm. */
export interface StateTable extends Table {
  /** Remembered to tell whether a key is exhausted. */
  policy: Policy | undefined;
  /** Judges a slot's state, or with {@link NO_SLOT} no state at all. */
  judge(slot: number, policy: Policy, nowMs: number, cost: number, finding: Finding): void;
  /** Charges what `judge` allowed. */
  charge(slot: number, policy: Policy, nowMs: number, cost: number): void;
  /** The state as `atomicUpdate` sees it. */
  read(slot: number): unknown;
  write(slot: number, state: unknown): void;
}

/** The table for a scope, by the algorithm that its last part names. */
export function createTable(scope: string, slots: Slots): StateTable {
  const [, , name = ""] = scope.split(":");
  const algorithm = builtInAlgorithms.get(name);
  if (algorithm === undefined) return jsonTable(scope, slots);
  return "width" in algorithm
    ? cellTable(scope, slots, algorithm as CellAlgorithm)
    : entryTable(scope, slots, algorithm);
}

/** In the first cell of a state that is not the algorithm's, and so is kept as text. */
const FOREIGN = Number.NaN;

const fresh = new Float64Array(STRIDE).fill(BLANK);
const probe: Finding = { allowed: false, remaining: 0, retryAfterMs: undefined, resetAfterMs: 0, epochMs: 0 };

function cellTable(scope: string, slots: Slots, algorithm: CellAlgorithm): StateTable {
  const { width } = algorithm;

  /** Whether a state is an entry of this algorithm, and so fits into the cells. */
  function fits(state: unknown): state is Entry {
    if (!Array.isArray(state) || state.length !== 3 || state[0] !== 1 || typeof state[1] !== "number") return false;
    const numbers: unknown = state[2];
    if (numbers === null) return true;
    return Array.isArray(numbers) && numbers.length === width && numbers.every((value) => typeof value === "number");
  }

  const json = jsonTable(scope, slots);
  const table: StateTable = {
    ...json,
    isExhausted: (slot, nowMs) => denies(table, slots, slot, nowMs, 1),
    hasRecovered: (slot, nowMs) => hasRecovered(table, slots, algorithm, slot, nowMs),
    judge(slot, policy, nowMs, cost, finding) {
      if (slot === NO_SLOT) return algorithm.judge(fresh, 0, policy, nowMs, cost, finding);
      if (Number.isNaN(slots.cells[slot * STRIDE])) throw unreadableState();
      algorithm.judge(slots.cells, slot * STRIDE, policy, nowMs, cost, finding);
    },
    charge(slot, policy, nowMs, cost) {
      algorithm.charge(slots.cells, slot * STRIDE, policy, nowMs, cost);
    },
    read(slot) {
      if (Number.isNaN(slots.cells[slot * STRIDE])) return json.read(slot);
      const at = slot * STRIDE;
      const blank = slots.cells[at] === BLANK;
      const state = blank ? null : Array.from(slots.cells.subarray(at, at + width));
      return [1, slots.cells[at + BLOCKED_UNTIL_MS] as number, state] satisfies Entry;
    },
    write(slot, state) {
      const at = slot * STRIDE;
      if (!fits(state)) {
        json.write(slot, state);
        slots.cells[at] = FOREIGN;
        slots.cells[at + BLOCKED_UNTIL_MS] = 0;
        return;
      }
      slots.objects.delete(slot);
      slots.cells[at + BLOCKED_UNTIL_MS] = state[1];
      if (state[2] === null) slots.cells.fill(BLANK, at, at + width);
      else slots.cells.set(state[2] as number[], at);
    },
  };
  return table;
}

/** Entries of an algorithm whose state is of any size. */
function entryTable(scope: string, slots: Slots, algorithm: Algorithm): StateTable {
  const stateOf = (slot: number): unknown => {
    const entry = slots.objects.get(slot);
    if (entry !== undefined && !Array.isArray(entry)) throw unreadableState();
    return entry?.[2] ?? undefined;
  };
  const json = jsonTable(scope, slots);
  const table: StateTable = {
    ...json,
    isExhausted: (slot, nowMs) => denies(table, slots, slot, nowMs, 1),
    hasRecovered: (slot, nowMs) => hasRecovered(table, slots, algorithm, slot, nowMs),
    judge(slot, policy, nowMs, cost, finding) {
      const found = algorithm.step(stateOf(slot), policy, nowMs, cost);
      finding.allowed = found.allowed;
      finding.remaining = found.remaining;
      finding.retryAfterMs = found.retryAfterMs;
      finding.resetAfterMs = found.resetAfterMs;
      finding.epochMs = found.epochMs;
    },
    charge(slot, policy, nowMs, cost) {
      const next = algorithm.step(stateOf(slot), policy, nowMs, cost).next;
      slots.objects.set(slot, [1, slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS], next?.state]);
    },
    read(slot) {
      const entry = slots.objects.get(slot);
      return Array.isArray(entry) ? entry : json.read(slot);
    },
    write(slot, state) {
      const isEntry = Array.isArray(state) && state[0] === 1 && typeof state[1] === "number";
      if (!isEntry) return json.write(slot, state);
      slots.objects.set(slot, state);
      slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS] = state[1];
    },
  };
  return table;
}

/** Any state, as text: nobody can change it from outside, and it comes back as it would from any other store. */
function jsonTable(scope: string, slots: Slots): StateTable {
  return {
    scope,
    slotOf: new Map(),
    policy: undefined,
    isExhausted: () => true,
    hasRecovered: () => false,
    judge() {},
    charge() {},
    read: (slot) => JSON.parse(slots.objects.get(slot) as string),
    write(slot, state) {
      slots.objects.set(slot, JSON.stringify(state));
    },
  };
}

/** Whether a request for `cost` would be denied. What can't be judged is kept: it is a block, or of another release. */
function denies(table: StateTable, slots: Slots, slot: number, nowMs: number, cost: number): boolean {
  if ((slots.cells[slot * STRIDE + BLOCKED_UNTIL_MS] as number) > nowMs) return true;
  if (table.policy === undefined) return true;
  try {
    table.judge(slot, table.policy, nowMs, cost, probe);
  } catch {
    return true;
  }
  return !probe.allowed;
}

function hasRecovered(
  table: StateTable,
  slots: Slots,
  algorithm: Pick<Algorithm, "quota">,
  slot: number,
  nowMs: number,
): boolean {
  if (table.policy === undefined) return false;
  const { limit } = algorithm.quota(table.policy);
  return !denies(table, slots, slot, nowMs, Math.ceil(limit / 2));
}

/** Until when a slot is kept. */
export function keepUntil(slots: Slots, slot: number, untilMs: number): void {
  const at = slot * STRIDE;
  slots.cells[at + EXPIRES_AT_MS] = Math.max(untilMs, slots.cells[at + BLOCKED_UNTIL_MS] as number);
}
