import type { Algorithm, Finding, Step } from "./algorithm.js";
import type { BuiltInAlgorithm } from "./built-in-algorithm.js";
import type { Policy } from "./policy.js";

/** The numbers of a state, in an array of their own or in one large typed array. */
export type Cells = number[] | Float64Array;

/** The value of a cell before its first use: a time so far in the past that every window has ended. */
export const BLANK: number = Number.NEGATIVE_INFINITY;

/**
 * An algorithm whose state is a fixed count of numbers. It works in place, so that a memory store can keep a million states
 * in one typed array and decide without creating garbage. {@link cellAlgorithm} derives `step` and `refund` from it.
 */
export interface CellAlgorithm<P extends Policy = Policy> extends Algorithm<P, readonly number[]> {
  /** How many cells a state has. */
  readonly width: number;
  /**
   * Corrects state that the policy can't have left at `nowMs`, because the clock stepped back or the policy's numbers
   * changed. Returns true if it corrected anything. Runs before `judge`, `charge` and `restore` at the same `nowMs`. Blank
   * cells are not a state.
   */
  correct(cells: Cells, at: number, policy: P, nowMs: number): boolean;
  /** Writes the result into `finding`. Does not change the cells. */
  judge(cells: Cells, at: number, policy: P, nowMs: number, cost: number, finding: Finding): void;
  /** Charges a cost that `judge` allowed at the same `nowMs`. */
  charge(cells: Cells, at: number, policy: P, nowMs: number, cost: number): void;
  /** Refunds units that were charged at `chargedAtMs`. Returns false if there was nothing to refund. */
  restore(
    cells: Cells,
    at: number,
    policy: P,
    nowMs: number,
    cost: number,
    epochMs: number,
    chargedAtMs: number,
  ): boolean;
}

/** A {@link CellAlgorithm} that comes with Sluice. */
export type BuiltInCells<P extends Policy> = BuiltInAlgorithm<P, readonly number[]> & CellAlgorithm<P>;

interface InPlace<P extends Policy>
  extends Pick<CellAlgorithm<P>, "name" | "quota" | "width" | "correct" | "judge" | "charge" | "restore">,
    Pick<BuiltInAlgorithm<P>, "check" | "spreadMs"> {
  /** Empties the state, and returns whether it must be kept until the end of the millisecond: see {@link Algorithm.clear}. */
  clear(cells: Cells, at: number, nowMs: number): boolean;
}

/** Derives the pure functions of an algorithm that works in place. */
export function cellAlgorithm<P extends Policy>(inPlace: InPlace<P>): BuiltInCells<P> {
  const { width, correct, judge, charge, restore, clear } = inPlace;
  return {
    ...inPlace,
    step(state, policy, nowMs, cost): Step<readonly number[]> {
      const cells = state === undefined ? new Array<number>(width).fill(BLANK) : [...state];
      const finding = newFinding();
      const corrected = correct(cells, 0, policy, nowMs);
      judge(cells, 0, policy, nowMs, cost, finding);
      const charged = finding.allowed && cost > 0;
      if (charged) charge(cells, 0, policy, nowMs, cost);
      else if (!corrected) return finding;
      return { ...finding, next: { state: cells, ttlMs: Math.max(1, finding.resetAfterMs) } };
    },
    refund(state, policy, nowMs, cost, epochMs, chargedAtMs = nowMs) {
      const cells = [...state];
      correct(cells, 0, policy, nowMs);
      if (!restore(cells, 0, policy, nowMs, cost, epochMs, chargedAtMs)) return undefined;
      const finding = newFinding();
      judge(cells, 0, policy, nowMs, 0, finding);
      return { state: cells, ttlMs: Math.max(1, finding.resetAfterMs) };
    },
    clear(state, nowMs) {
      const cells = [...state];
      return clear(cells, 0, nowMs) ? { state: cells, ttlMs: 1 } : undefined;
    },
  };
}

/** A finding to be filled in. */
function newFinding(): Finding {
  return { allowed: false, remaining: 0, retryAfterMs: undefined, resetAfterMs: 0, epochMs: 0 };
}
