import { clearEntry, type Entry } from "../store/entry.js";
import { ledgerKey } from "../store/entry-key.js";
import type { CallOptions, Claim, Store } from "../store/store.js";
import type { Algorithms } from "./engine.js";
import { findEntry, kept, type Ledger, writeEntries } from "./updating-engine.js";

/** The place in which a limiter keeps its entries. */
export interface EntryPlace {
  /** Asked through the limiter's circuit breaker, where it has one. */
  readonly store: Store;
  readonly algorithms: Algorithms;
  /** True if the store decides, so that each entry has a separate key. Otherwise those of one key share a ledger. */
  readonly storeDecides: boolean;
}

/** Forgets the entries of all claims. A refund of an earlier charge finds nothing then, also in the same millisecond. */
export async function forgetEntries(place: EntryPlace, claims: readonly Claim[], options: CallOptions): Promise<void> {
  const forget = place.storeDecides ? forgetEntry : forgetInLedger;
  await Promise.all(claims.map((claim) => forget(place, claim, options)));
}

async function forgetEntry({ store, algorithms }: EntryPlace, claim: Claim, options: CallOptions): Promise<void> {
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

async function forgetInLedger({ store, algorithms }: EntryPlace, claim: Claim, options: CallOptions): Promise<void> {
  await store.atomicUpdate<Ledger>(
    ledgerKey(claim),
    (ledger = [], nowMs) => {
      const entry = findEntry(ledger, claim.scope);
      if (entry === undefined) return undefined;
      const next = clearEntry(claim, algorithms, entry, nowMs);
      if (next !== undefined) return writeEntries(ledger, [{ scope: claim.scope, next }], nowMs, options);
      return kept(
        ledger.filter(([other]) => other !== claim.scope),
        nowMs,
      );
    },
    options,
  );
}
