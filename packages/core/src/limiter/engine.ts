import type { Algorithm } from "../algorithm/algorithm.js";
import type { MaybePromise } from "../maybe-promise.js";
import { clearEntry, type Entry, type EntryChange } from "../store/entry.js";
import { type CallOptions, type Claim, type DecidingStore, isSynchronousStore, type Outcome } from "../store/store.js";

/** What the limiter needs of a store, whether or not the store can decide. */
export interface Engine {
  decide(claims: readonly Claim[], charge: boolean, options: CallOptions): MaybePromise<Outcome>;
  /** Whether `decide` answers at once and keeps nothing of the claims, so that they can be used again. */
  readonly synchronous: boolean;
  /** Atomically changes the entry of one claim. */
  update(claim: Claim, change: EntryChange, options: CallOptions): Promise<void>;
  /** Forgets the entries of all claims. A refund of an earlier charge finds nothing then, also in the same millisecond. */
  forget(claims: readonly Claim[], options: CallOptions): Promise<void>;
}

/** Algorithms by name. */
export type Algorithms = ReadonlyMap<string, Algorithm>;

/** The engine on a store that decides where the data lives. */
export function decidingEngine(store: DecidingStore, algorithms: Algorithms): Engine {
  const synchronous = isSynchronousStore(store);

  async function forget(claim: Claim, options: CallOptions): Promise<void> {
    const entryKey = claim.scope + claim.key;
    let keeps = false;
    const found = await store.atomicUpdate<Entry>(
      entryKey,
      (entry, nowMs) => {
        const next = entry && clearEntry(claim, algorithms, entry, nowMs);
        keeps = next !== undefined;
        return next;
      },
      options,
    );
    if (found !== undefined && !keeps) await store.delete(entryKey, options);
  }

  const lent = { claims: [] as readonly Claim[], charge: true };
  return {
    synchronous,
    decide(claims, charge, options) {
      if (!synchronous) return store.decide({ claims, charge }, options);
      lent.claims = claims;
      lent.charge = charge;
      return store.decide(lent, options);
    },
    async update({ scope, key }, change, options) {
      await store.atomicUpdate<Entry>(scope + key, change, options);
    },
    async forget(claims, options) {
      await Promise.all(claims.map((claim) => forget(claim, options)));
    },
  };
}
