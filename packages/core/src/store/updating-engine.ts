import type { Next } from "../algorithm/algorithm.js";
import type { Engine } from "./engine.js";
import { clearEntry, decideEntries, type Entry, refundEntry } from "./entry.js";
import { ledgerKey } from "./entry-key.js";
import { decideInOrder, partsOf } from "./in-order.js";
import type { Admission, CallOptions, Claim, Outcome, Store } from "./store.js";

/**
 * The entries of all policies for one key, each with its scope and its expiry. They are kept together, so that one atomic
 * update decides them.
 */
type Ledger = readonly (readonly [scope: string, entry: Entry, expiresAtMs: number])[];

/**
 * The engine for a store that has only the three basic methods. Policies with the same key are decided in one atomic
 * update. Policies with different keys are charged in order, and refunded if a later one denies (see `decideInOrder`).
 */
export function updatingEngine(store: Store): Engine {
  async function decideTogether(admission: Admission, options: CallOptions | undefined): Promise<Outcome> {
    let outcome: Outcome | undefined;
    const [first] = admission.claims as readonly [Claim];
    try {
      await store.atomicUpdate<Ledger>(
        ledgerKey(first),
        (ledger = [], nowMs) => {
          const entries = admission.claims.map(({ scope }) => findEntry(ledger, scope));
          const decided = decideEntries(admission, entries, nowMs);
          outcome = decided.outcome;
          const writes = decided.writes.flatMap((next, i) =>
            next === undefined ? [] : [{ scope: admission.claims[i]?.scope as string, next }],
          );
          return writes.length === 0 ? undefined : writeEntries(ledger, writes, nowMs, options);
        },
        options,
      );
    } catch (error) {
      // Without a charge only repairs could be written, and the decision holds without them.
      if (outcome === undefined || (outcome.allowed && admission.charge)) throw error;
    }
    return outcome as Outcome;
  }

  const engine: Engine = {
    synchronous: false,
    decide(claims, charge, options) {
      const admission = { claims, charge };
      const parts = partsOf(admission, ledgerKey);
      if (parts.length === 1) return decideTogether(admission, options);
      return decideInOrder(
        admission,
        parts,
        {
          decide: decideTogether,
          undo: (claim, { epochMs }, callOptions, chargedAtMs) =>
            engine.update(claim, refundEntry(claim, epochMs, chargedAtMs), callOptions ?? {}),
        },
        options,
      );
    },
    async update(claim, change, options) {
      const { scope } = claim;
      await store.atomicUpdate<Ledger>(
        ledgerKey(claim),
        (ledger = [], nowMs) => {
          const next = change(findEntry(ledger, scope), nowMs);
          return next && writeEntries(ledger, [{ scope, next }], nowMs, options);
        },
        options,
      );
    },
    async forget(claim, options) {
      await store.atomicUpdate<Ledger>(
        ledgerKey(claim),
        (ledger = [], nowMs) => {
          const entry = findEntry(ledger, claim.scope);
          if (entry === undefined) return undefined;
          const next = clearEntry(claim, entry, nowMs);
          if (next !== undefined) return writeEntries(ledger, [{ scope: claim.scope, next }], nowMs, options);
          return kept(
            ledger.filter(([other]) => other !== claim.scope),
            nowMs,
          );
        },
        options,
      );
    },
  };
  return engine;
}

function findEntry(ledger: Ledger, scope: string): Entry | undefined {
  return ledger.find(([other]) => other === scope)?.[1];
}

function writeEntries(
  ledger: Ledger,
  writes: readonly { scope: string; next: Next<Entry> }[],
  nowMs: number,
  options: CallOptions | undefined,
): Next<Ledger> {
  // An explicit time may step back further than the store's clock ever does, so no entry may expire early.
  const keepsAll = options?.nowMs !== undefined;
  const others = ledger.filter(
    ([other, , expiresAtMs]) => (keepsAll || expiresAtMs > nowMs) && writes.every(({ scope }) => scope !== other),
  );
  const written = writes.map(({ scope, next }) => [scope, next.state, nowMs + next.ttlMs] as const);
  return kept([...others, ...written], nowMs);
}

function kept(ledger: Ledger, nowMs: number): Next<Ledger> {
  return { state: ledger, ttlMs: ledger.reduce((ttlMs, [, , expiresAtMs]) => Math.max(ttlMs, expiresAtMs - nowMs), 1) };
}
