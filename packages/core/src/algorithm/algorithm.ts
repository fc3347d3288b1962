import type { Policy, Quota } from "./policy.js";

/** The result of an algorithm for one claim. All times count from its `nowMs`. */
export interface Finding {
  /** True if the cost fits. */
  allowed: boolean;
  /** Whole units left: after the charge when allowed, as things stand when not. */
  remaining: number;
  /**
   * Milliseconds until the cost fits if no other request is charged: 0 when allowed, `undefined` when it can never fit.
   */
  retryAfterMs: number | undefined;
  /** Milliseconds until the whole limit is there again: after the charge when allowed, as things stand when not. */
  resetAfterMs: number;
  /** Names the window (or busy period of a bucket) that the charge belongs to; a refund in another one does nothing. */
  epochMs: number;
}

/** State to keep, and for how long: `ttlMs` (1 or more) covers at least the time until it equals no state at all. */
export interface Next<S> {
  readonly state: S;
  readonly ttlMs: number;
}

/** A finding, with the state that follows. */
export interface Step<S> extends Readonly<Finding> {
  /**
   * The state after the charge. On a denial, and for a cost of 0, absent as a rule: there is nothing to write. Present it is
   * a repair: the state was read as another one, since the clock stepped back or the policy's numbers changed, and
   * it is written once so that all later decisions start from there.
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
  /** Unique, and part of the stored key: state of another algorithm is never read as its own. */
  readonly name: string;
  /** The quota of the policy, for the decision and the headers. */
  quota(policy: P): Quota;
  /**
   * Checks a policy when a limiter is created, and returns the one to use: a policy may be data from a file. Default: it
   * is used as it is.
   *
   * @throws SluiceError for numbers that the algorithm can't work with
   */
  check?(policy: P): P;
  /**
   * Decides `cost` units at `nowMs`. Pure. A cost of 0 always fits and charges nothing: it only reads. State older than
   * its lifetime must count as absent. A clock that stepped back must free nothing and throw nothing. State that is
   * further ahead than the policy can put it proves a step: read it as the most that the policy can put there, and
   * return that as `next` even if nothing is charged. Otherwise the key is denied until the clock has caught up.
   */
  step(state: S | undefined, policy: P, nowMs: number, cost: number): Step<S>;
  /**
   * Refunds `cost` units that were charged at `chargedAtMs` to the window named by `epochMs` (both from the decision that
   * charged them). Returns `undefined` when that window is over, or nothing is left to refund. Without this method
   * refunds do nothing.
   */
  refund?(state: S, policy: P, nowMs: number, cost: number, epochMs: number, chargedAtMs: number): Next<S> | undefined;
  /**
   * The empty state that a reset leaves behind, so that a charge that follows in the same millisecond gets another
   * `epochMs` than the charges before it. `undefined` when no charge of this millisecond is known: then the state is
   * deleted.
   */
  clear?(state: S, nowMs: number): Next<S> | undefined;
}
