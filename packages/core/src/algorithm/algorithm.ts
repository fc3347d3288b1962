import type { Policy, Quota } from "./policy.js";

/** The result of an algorithm for one claim. All times count from its `nowMs`. */
export interface Finding {
  /** True if the cost fits. */
  allowed: boolean;
  /** Whole units left after this claim. A denied claim takes none. */
  remaining: number;
  /**
   * Milliseconds until the cost fits if no other request is charged: 0 when allowed, `undefined` when it can never fit.
   */
  retryAfterMs: number | undefined;
  /** Milliseconds until the whole limit is available again. An allowed claim counts as charged. */
  resetAfterMs: number;
  /** Names the window (of a bucket, the busy period) that the charge belongs to. A refund for any other window does nothing. */
  epochMs: number;
}

/** State to keep, and its lifetime. `ttlMs` (1 or more) must last until the state decides like an absent one. */
export interface Next<S> {
  readonly state: S;
  readonly ttlMs: number;
}

/** A finding, with the state that follows. */
export interface Step<S> extends Readonly<Finding> {
  /**
   * The state after the charge. Usually absent on a denial and for a cost of 0, since there is nothing to write. If it is
   * present then, it is a repair: the stored state was corrected because the clock stepped back or the policy's numbers
   * changed. The repair is written once, and all later decisions start from it.
   */
  readonly next?: Next<S> | undefined;
}

/**
 * A way of counting, as pure functions of stored state, policy, time and cost. A custom algorithm is one object of this
 * form. It goes into the `algorithms` option of `createLimiter` and works on every store.
 *
 * @typeParam P the policy data it reads
 * @typeParam S the state it keeps: any JSON value
 *
 * @example
 * ```ts
 * import { type Algorithm, createLimiter, type Policy } from "@sluice/core";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * interface Lifetime extends Policy {
 *   readonly algorithm: "lifetime";
 *   readonly limit: number;
 * }
 *
 * // `limit` units in all, forgotten a year after the last one.
 * const lifetime: Algorithm<Lifetime, number> = {
 *   name: "lifetime",
 *   quota: (policy) => ({ limit: policy.limit, windowMs: 31_536_000_000 }),
 *   step(used = 0, policy, _nowMs, cost) {
 *     const allowed = used + cost <= policy.limit;
 *     const now = allowed ? used + cost : used;
 *     return {
 *       allowed,
 *       remaining: policy.limit - now,
 *       retryAfterMs: allowed ? 0 : undefined,
 *       resetAfterMs: 31_536_000_000,
 *       epochMs: 0,
 *       ...(allowed && cost > 0 && { next: { state: now, ttlMs: 31_536_000_000 } }),
 *     };
 *   },
 * };
 *
 * const policy: Lifetime = { name: "trial", algorithm: "lifetime", limit: 5 };
 * const limiter = createLimiter({ store: memoryStore(), algorithms: [lifetime], policies: policy });
 * ```
 */
export interface Algorithm<P extends Policy = Policy, S = unknown> {
  /** Must be unique. It is part of the stored key, so an algorithm never reads the state of another one. */
  readonly name: string;
  /** The quota of the policy, for the decision and the headers. */
  quota(policy: P): Quota;
  /**
   * Checks a policy when a limiter is created, and returns the policy to use. A policy may be data from a file, so its
   * numbers may be invalid. Default: the policy is used unchanged.
   *
   * @throws SluiceError for numbers that the algorithm can't work with
   */
  check?(policy: P): P;
  /**
   * Decides `cost` units at `nowMs`. Pure. A cost of 0 always fits and charges nothing: it only reads. State older than its
   * lifetime must count as absent. If the clock has stepped back, free no quota and do not throw. State that is further
   * ahead than the policy can put it proves such a step: read it as the furthest that the policy allows, and return that as
   * `next` even if nothing is charged. Otherwise the key is denied until the clock has caught up.
   */
  step(state: S | undefined, policy: P, nowMs: number, cost: number): Step<S>;
  /**
   * Refunds `cost` units that were charged at `chargedAtMs` to the window named by `epochMs` (both from the decision that
   * charged them). Returns `undefined` when that window is over, or nothing is left to refund. Without this method
   * refunds do nothing.
   */
  refund?(state: S, policy: P, nowMs: number, cost: number, epochMs: number, chargedAtMs: number): Next<S> | undefined;
  /**
   * Returns the empty state that a reset leaves behind. It gives charges that follow in the same millisecond another
   * `epochMs` than the charges before the reset. Returns `undefined` if no charge in this millisecond is known: the state
   * is then deleted.
   */
  clear?(state: S, nowMs: number): Next<S> | undefined;
}
