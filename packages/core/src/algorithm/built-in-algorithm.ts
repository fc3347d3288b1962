import type { Algorithm, Finding } from "./algorithm.js";
import type { Policy } from "./policy.js";

/*
 * Each algorithm that comes with Sluice is split into three objects, because bundlers drop whole objects but not single
 * methods. An app with a memory store bundles only the first object.
 */

/** The algorithm itself, by which every process decides. */
export interface BuiltInAlgorithm<P extends Policy = Policy, S = unknown> extends Algorithm<P, S> {
  check(policy: P): P;
  /** How many numbers a state has, if that never varies. */
  readonly width?: number;
  /**
   * The milliseconds over which a client may spread its remaining units, for the RateLimit field. Default: until the reset.
   */
  spreadMs?(
    policy: P,
    left: { readonly limit: number; readonly remaining: number; readonly resetAfterMs: number },
  ): number;
}

/** Converts an algorithm's policies and states to and from the numbers of a database that decides. */
export interface RemoteForm<P extends Policy = Policy, S = unknown> {
  /** A short number that identifies the algorithm in the database. Never changes. */
  readonly number: number;
  /** The numbers of a policy that are sent to the database: up to three whole numbers. */
  numbers(policy: P): readonly number[];
  /**
   * Reads the state that the database reports, corrected for `nowMs`: see `readOutcome`. Returns a function that judges the
   * state for any cost. It is valid until the next state is read.
   */
  read(reply: ReplyReader, policy: P, nowMs: number): (policy: Policy, nowMs: number, cost: number) => Finding;
  /** The earliest time at which the policy can have left the state; 0 if unknown. */
  earliestMs(state: S, policy: P): number;
}

/** A database's reply, read one number after the other. */
export interface ReplyReader {
  readonly numbers: readonly number[];
  at: number;
}

/**
 * Merges two states of one policy when state moves: the result is at least as strict as each of them, now and later. The
 * policy is not known then, so everything needed comes from the states and from the expiry of the arriving state. A block
 * can make that expiry later than the window's end. The result is then too strict.
 */
export interface StateMerge<S = unknown> {
  /** The length of the policy's window, derived from the expiry of a state; `undefined` if it can't be known. */
  windowOf(state: S, untilMs: number): number | undefined;
  join(arriving: S, there: S, window: KnownWindow, nowMs: number): S;
  /** The time from which a state decides like an absent one. */
  untilOf(state: S, windowMs: number): number;
}

/** The length of a policy's window. */
export interface KnownWindow {
  readonly ms: number;
  /** False if a block has delayed the expiry of the arriving state: the window may then be shorter. */
  readonly exact: boolean;
}
