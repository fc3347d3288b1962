import type { Algorithm, Finding } from "./algorithm.js";
import type { Policy } from "./policy.js";

/*
 * An algorithm that comes with Sluice owns three objects. They are apart because bundlers drop whole objects, not
 * methods: an app on a store in memory pays for the first one only.
 */

/** The contract of an algorithm, by which every process decides. */
export interface BuiltInAlgorithm<P extends Policy = Policy, S = unknown> extends Algorithm<P, S> {
  check(policy: P): P;
  /** The number of whole numbers in a state, if it never varies. */
  readonly width?: number;
  /**
   * The milliseconds over which a client may spread what remains after a grant, for the RateLimit field. Default: until
   * the reset.
   */
  spreadMs?(
    policy: P,
    left: { readonly limit: number; readonly remaining: number; readonly resetAfterMs: number },
  ): number;
}

/** The numbers that an algorithm and a database that decides exchange. */
export interface RemoteForm<P extends Policy = Policy, S = unknown> {
  /** Names the algorithm where a name would be too long. Never changes. */
  readonly number: number;
  /** The numbers of a policy for the database: up to three whole numbers. */
  numbers(policy: P): readonly number[];
  /**
   * Reads the state that the database reports, settled to `nowMs`: see `readOutcome`. Returns the judge of it for any
   * cost, which is valid until the next state is read.
   */
  read(reply: ReplyReader, policy: P, nowMs: number): (policy: Policy, nowMs: number, cost: number) => Finding;
  /** The earliest time at which the policy can have left the state; 0 if unknown. */
  earliestMs(state: S, policy: P): number;
}

/** A database's reply, read from number to number. */
export interface ReplyReader {
  readonly numbers: readonly number[];
  at: number;
}

/**
 * Merges two states of one policy when state moves: the result is at least as strict as each of them, now and later.
 * The policy is not known then. Everything needed is in the states, or follows from the expiry of the arriving one. If
 * that is later than the window's end, as a block can make it, the result errs on the strict side.
 */
export interface StateMerge<S = unknown> {
  /** The length of the policy's window, by when a state expires; `undefined` when it can't be known. */
  windowOf(state: S, untilMs: number): number | undefined;
  join(arriving: S, there: S, window: KnownWindow, nowMs: number): S;
  /** When a state equals no state. */
  untilOf(state: S, windowMs: number): number;
}

/** The length of a policy's window. */
export interface KnownWindow {
  readonly ms: number;
  /** False when the arriving state expires with a block: the window may be shorter. */
  readonly exact: boolean;
}
