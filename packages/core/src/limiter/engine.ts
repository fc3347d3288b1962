import type { Algorithm, Next } from "../policy/algorithm.js";
import type { Entry } from "../store/entry.js";
import type { Admission, CallOptions, Claim, DecidingStore, MaybePromise, Outcome } from "../store/store.js";

/** What the limiter needs of a store, whether or not the store can decide. */
export interface Engine {
  decide(admission: Admission, options: CallOptions): MaybePromise<Outcome>;
  /** Atomically changes the entry of one claim. */
  update(claim: Claim, change: EntryChange, options: CallOptions): Promise<void>;
  /** Forgets the entries of all claims. */
  forget(claims: readonly Claim[]): Promise<void>;
}

/** A pure change of an entry; `undefined` leaves it alone. */
export type EntryChange = (entry: Entry | undefined, nowMs: number) => Next<Entry> | undefined;

/** Algorithms by name. */
export type Algorithms = ReadonlyMap<string, Algorithm>;

/** The engine on a store that decides where the data lives. */
export function decidingEngine(store: DecidingStore): Engine {
  return {
    decide: (admission, options) => store.decide(admission, options),
    async update({ scope, key }, change, options) {
      await store.atomicUpdate<Entry>(scope + key, change, options);
    },
    async forget(claims) {
      await Promise.all(claims.map(({ scope, key }) => store.delete(scope + key)));
    },
  };
}
