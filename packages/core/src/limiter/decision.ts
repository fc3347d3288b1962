import type { Policy } from "../algorithm/policy.js";
import type { SluiceError } from "../errors.js";

/**
 * The source of a decision:
 *
 * - `"store"`: the store decided.
 * - `"cache"`: the deny cache repeated a denial of the store. The times are counted down; `remaining` is a lower bound.
 * - `"fallback"`: the store did not answer, and the limiter's `fallback` decided.
 * - `"failOpen"`, `"failClosed"`: the store did not answer, and the limiter's `failOpen` option decided. The numbers of
 *   such a decision say nothing about the client.
 */
export type DecisionSource = "store" | "cache" | "fallback" | "failOpen" | "failClosed";

/** The decision of one policy. Times are in milliseconds from the decision. */
export interface PolicyDecision {
  readonly policy: Policy;
  /** True if the cost fits this policy. The request is allowed if all policies allow it. */
  readonly allowed: boolean;
  /** The most units that the policy grants at once. */
  readonly limit: number;
  /** The time in which `limit` units are restored. */
  readonly windowMs: number;
  /** Whole units left: 7 after three requests with a limit of 10. */
  readonly remaining: number;
  /** The time until the cost fits, if no other request is charged: 0 if it fits now, `undefined` if it never can. */
  readonly retryAfterMs: number | undefined;
  /** The time until the whole limit is available again. */
  readonly resetAfterMs: number;
  /** True if the key is blocked, by `limiter.block` or `autoBlock`. `remaining` is then 0, and the times cover the block. */
  readonly blocked: boolean;
}

/**
 * The answer to a request for admission: a value and never an exception.
 *
 * For example, with a limit of 10 per 10 s and a cost of 1, the decision on a client's third request has `allowed: true,
 * limit: 10, remaining: 7, retryAfterMs: 0, resetAfterMs: 3000`. The decision on the eleventh, at the same moment, has
 * `allowed: false, remaining: 0, retryAfterMs: 1000, resetAfterMs: 10000`.
 */
export interface Decision {
  readonly allowed: boolean;
  /** The requested cost. Every policy was charged if the request was allowed, and none if it was denied. */
  readonly cost: number;
  /**
   * The limit of the binding policy. On a denial, that is the violated policy that takes longest to allow the cost.
   * Otherwise it is the policy with the least remaining. Of two equal ones, it is the policy that takes longer to reset.
   */
  readonly limit: number;
  /** The value of the binding policy. */
  readonly remaining: number;
  /** The time until every policy allows the cost: 0 if allowed, `undefined` if they never can. */
  readonly retryAfterMs: number | undefined;
  /** The value of the binding policy. */
  readonly resetAfterMs: number;
  /** The decisions of all policies, in the order in which they were given. Empty if the store did not answer. */
  readonly policies: readonly PolicyDecision[];
  /** The names of the policies that deny. Empty if the request is allowed or the store did not answer. */
  readonly violated: readonly string[];
  readonly source: DecisionSource;
  /** The reason why the store did not answer. Its `cause` is the error of the client or the connection, if known. */
  readonly error?: SluiceError;
}
