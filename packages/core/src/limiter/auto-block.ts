import type { Policy } from "../algorithm/policy.js";
import type { MaybePromise } from "../maybe-promise.js";
import type { Engine } from "../store/engine.js";
import type { CallOptions, Store } from "../store/store.js";
import type { ClaimMaker, LimiterKey } from "./claims.js";
import type { Decision } from "./decision.js";

declare const brand: unique symbol;

/** Blocks clients that keep sending requests after a denial. Opaque: created by `escalatingBlock`. */
export interface AutoBlock {
  readonly [brand]?: true;
}

/** The internal form of an {@link AutoBlock}. */
export interface AttachableBlock extends AutoBlock {
  /** Counts violations. The store decides it like any other policy. */
  readonly policy: Policy;
  /** Attaches it to a limiter. */
  attach(host: AutoBlockHost): AutoBlocker;
}

/** The parts of a limiter that its {@link AttachableBlock} needs. */
export interface AutoBlockHost {
  /** The store, called through the circuit breaker. */
  readonly asked: Store;
  readonly policies: readonly Policy[];
  readonly prefix: string;
  readonly claims: ClaimMaker;
  readonly engine: Engine;
  calling(): CallOptions;
  bounded<T>(work: Promise<T>, calls: CallOptions): Promise<T>;
}

/** An {@link AttachableBlock} that is attached to a limiter. */
export interface AutoBlocker {
  /** Throws a `SluiceError` with `INVALID_OPTION` if it is unclear which key would be blocked. */
  check(key: LimiterKey): void;
  /**
   * Called for every denial by the store. Returns the result for the caller. `again` decides once more if the key was
   * blocked meanwhile. Everything shares the deadline of the decision, in `calls`.
   */
  denied(
    decision: Decision,
    key: LimiterKey,
    calls: CallOptions,
    again: () => MaybePromise<Decision>,
  ): MaybePromise<Decision>;
  /** Forgets a key's violations and its earlier blocks. */
  forget(key: LimiterKey, calls: CallOptions): Promise<void>;
}
