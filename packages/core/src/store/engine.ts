import type { MaybePromise } from "../maybe-promise.js";
import type { Entry, EntryChange } from "./entry.js";
import type { CallOptions, Claim, DecidingStore, Outcome } from "./store.js";

/** A limiter's interface to a store, whether or not the store can decide. */
export interface Engine {
  decide(claims: readonly Claim[], charge: boolean, options: CallOptions): MaybePromise<Outcome>;
  /** True if `decide` answers without a promise and does not keep the claims, so that they can be reused. */
  readonly synchronous: boolean;
  /** Atomically changes the entry of one claim. */
  update(claim: Claim, change: EntryChange, options: CallOptions): Promise<void>;
  /**
   * Forgets the entry of a claim. Only for engines that keep the entries of a key together. `forgetEntry` does it for
   * others.
   */
  forget?(claim: Claim, options: CallOptions): Promise<void>;
}

/**
 * The engine for a store that decides where the data is.
 *
 * @param store the store to decide with
 * @param asked the same store, to update with
 * @param synchronous true if it answers without a promise and does not keep the claims
 */
export function decidingEngine(store: DecidingStore, asked: DecidingStore, synchronous: boolean): Engine {
  const reused = { claims: [] as readonly Claim[], charge: true };
  return {
    synchronous,
    decide(claims, charge, options) {
      if (!synchronous) return store.decide({ claims, charge }, options);
      reused.claims = claims;
      reused.charge = charge;
      return store.decide(reused, options);
    },
    async update({ scope, key }, change, options) {
      await asked.atomicUpdate<Entry>(scope + key, change, options);
    },
  };
}
