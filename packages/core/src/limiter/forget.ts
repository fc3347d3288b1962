import type { Engine } from "../store/engine.js";
import { clearEntry, type Entry } from "../store/entry.js";
import type { CallOptions, Claim, Store } from "../store/store.js";

/** Access to a limiter's entries. */
export interface Entries {
  readonly engine: Engine;
  /** The store, called through the circuit breaker. */
  readonly asked: Store;
}

/** Forgets the entries of claims. A refund of an earlier charge, even in the same millisecond, then finds nothing. */
export async function forgetEntries(
  { engine, asked }: Entries,
  claims: readonly Claim[],
  options: CallOptions,
): Promise<void> {
  await Promise.all(claims.map((claim) => engine.forget?.(claim, options) ?? forgetEntry(asked, claim, options)));
}

async function forgetEntry(store: Store, claim: Claim, options: CallOptions): Promise<void> {
  const entryKey = claim.scope + claim.key;
  let keeps = false;
  const found = await store.atomicUpdate<Entry>(
    entryKey,
    (entry, nowMs) => {
      const next = entry && clearEntry(claim, entry, nowMs);
      keeps = next !== undefined;
      return next;
    },
    options,
  );
  if (found !== undefined && !keeps) await store.delete(entryKey, options);
}
