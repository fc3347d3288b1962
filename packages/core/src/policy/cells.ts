import type { Algorithm, Finding, Step } from "./algorithm.js";
import type { Policy } from "./policy.js";

/** Numbers of state, in an array of their own or among others in one large typed array. */
export type Cells = number[] | Float64Array;

/** What a cell holds before its first use: a time so long past that every window has ended. */
export const BLANK: number = Number.NEGATIVE_INFINITY;

/**
 * An algorithm whose state is a fixed count of numbers. It works in place, so that a store in memory can keep a
 * million states in one typed array and decide without garbage; `step` and `refund` of the same arithmetic follow
 * from it by {@link cellAlgorithm}.
 */
export interface CellAlgorithm<P extends Policy = Policy> extends Algorithm<P, readonly number[]> {
  /** How many cells a state takes. */
  readonly width: number;
  /** Writes what it finds into `finding` and leaves the cells alone. Blank cells are no state. */
  judge(cells: Cells, at: number, policy: P, nowMs: number, cost: number, finding: Finding): void;
  /** Charges a cost that `judge` allowed at the same `nowMs`. */
  charge(cells: Cells, at: number, policy: P, nowMs: number, cost: number): void;
  /** Gives units back; false when there was nothing to give back to. */
  restore(cells: Cells, at: number, policy: P, nowMs: number, cost: number, epochMs: number): boolean;
}

type InPlace<P extends Policy> = Pick<CellAlgorithm<P>, "name" | "quota" | "width" | "judge" | "charge" | "restore">;

/** The pure functions of an algorithm that works in place. */
export function cellAlgorithm<P extends Policy>(inPlace: InPlace<P>): CellAlgorithm<P> {
  const { width, judge, charge, restore } = inPlace;
  return {
    ...inPlace,
    step(state, policy, nowMs, cost): Step<readonly number[]> {
      const cells = state === undefined ? new Array<number>(width).fill(BLANK) : [...state];
      const finding = newFinding();
      judge(cells, 0, policy, nowMs, cost, finding);
      if (!finding.allowed || cost === 0) return finding;
      charge(cells, 0, policy, nowMs, cost);
      return { ...finding, next: { state: cells, ttlMs: finding.resetAfterMs } };
    },
    refund(state, policy, nowMs, cost, epochMs) {
      const cells = [...state];
      if (!restore(cells, 0, policy, nowMs, cost, epochMs)) return undefined;
      const finding = newFinding();
      judge(cells, 0, policy, nowMs, 0, finding);
      return { state: cells, ttlMs: Math.max(1, finding.resetAfterMs) };
    },
  };
}

/** A finding to be filled in. */
function newFinding(): Finding {
  return { allowed: false, remaining: 0, retryAfterMs: undefined, resetAfterMs: 0, epochMs: 0 };
}
