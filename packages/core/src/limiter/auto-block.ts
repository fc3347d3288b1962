import type { MaybePromise } from "../maybe-promise.js";
import type { Policy } from "../policy/policy.js";
import type { CallOptions, Store } from "../store/store.js";
import type { ClaimMaker, LimiterKey } from "./claims.js";
import type { Decision } from "./decision.js";
import type { Algorithms, Engine } from "./engine.js";

/** Blocks clients that keep sending requests after a denial: see `escalatingBlock`. */
export interface AutoBlock {
  /** Counts violations; the store decides it like any other policy. */
  readonly policy: Policy;
  /** For the limiter: makes it part of one. */
  attach(host: never): object;
}

/** What `escalatingBlock` returns, as a limiter uses it. */
export interface AttachableBlock extends AutoBlock {
  attach(host: AutoBlockHost): AutoBlocker;
}

/** The parts of a limiter that its {@link AutoBlock} works with. */
export interface AutoBlockHost {
  readonly store: Store;
  readonly policies: readonly Policy[];
  readonly prefix: string;
  readonly claims: ClaimMaker;
  readonly engine: Engine;
  readonly algorithms: Algorithms;
  readonly storeDecides: boolean;
  calling(): CallOptions;
  bounded<T>(work: Promise<T>, calls: CallOptions): Promise<T>;
}

/** The {@link AutoBlock} of one limiter. */
export interface AutoBlocker {
  /** Throws where it can't tell who would be blocked: a `SluiceError` with `INVALID_OPTION`. */
  check(key: LimiterKey): void;
  /**
   * Hears of every denial by the store, and returns what the caller is told. `again` asks once more, where the answer is
   * another one now. All of it has the deadline of `calls`, that of the decision.
   */
  denied(
    decision: Decision,
    key: LimiterKey,
    calls: CallOptions,
    again: () => MaybePromise<Decision>,
  ): MaybePromise<Decision>;
  /** Forgets a key's violations and how long it was blocked before. */
  forget(key: LimiterKey, calls: CallOptions): Promise<void>;
}
