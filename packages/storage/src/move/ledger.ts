import {
  type ExportedEntry,
  isDecidingStore,
  type Merge,
  type Next,
  type Store,
  scopeOf,
  splitEntryKey,
} from "@sluice/core/store";
import { mergeLimitOf } from "./merge-limits.js";

/*
 * On a store that has no `decide` for its algorithms, a limiter keeps the entries of all of its policies for one key
 * together, in a ledger (see decision 0006). A move between a store that decides and one that does not has to rewrite them.
 */

/** Entries, each with its scope and when it goes. */
type Ledger = readonly (readonly [scope: string, entry: unknown, expiresAtMs: number])[];

/** Whether an entry is a ledger: no policy has such a name, and no algorithm. */
export function isLedger(entryKey: string): boolean {
  return /^[^:]*:\*::$/.test(splitEntryKey(entryKey).scope);
}

/** What an entry is on a store: itself, its place in a ledger, or the entries of which it is the ledger. */
export function placedOn(store: Store, entry: ExportedEntry): readonly ExportedEntry[] {
  const algorithms: ReadonlySet<string> = isDecidingStore(store) ? store.algorithms : new Set();
  const { scope, key } = splitEntryKey(entry.key);
  if (isLedger(entry.key)) {
    const entries = ledgerIn(entry.state);
    const decides = entries.length > 0 && entries.every(([each]) => algorithms.has(algorithmOf(each)));
    if (!decides || entry.digested) return [entry];
    return entries.map(([each, state, expiresAtMs]) => ({ key: each + key, state, expiresAtMs }));
  }
  const algorithm = algorithmOf(scope);
  if (mergeLimitOf(algorithm) === undefined || algorithms.has(algorithm) || entry.digested) return [entry];
  const prefix = scope.slice(0, scope.indexOf(":"));
  return [{ ...entry, key: `${ledgerScope(prefix)}${key}`, state: [[scope, entry.state, entry.expiresAtMs]] }];
}

/** Whether a ledger that is there has none of the arriving entries. */
export function lacksAll(there: unknown, arriving: unknown): boolean {
  const known = new Set(ledgerIn(there).map(([scope]) => scope));
  return ledgerIn(arriving).every(([scope]) => !known.has(scope));
}

/** Entry by entry. */
export const mergeLedger: Merge = ({ state: arriving }, there, nowMs): Next<Ledger> | undefined => {
  const entries = new Map(ledgerIn(there).map((kept) => [kept[0], kept]));
  let changed = false;
  for (const kept of ledgerIn(arriving)) {
    const [scope, state, expiresAtMs] = kept;
    if (expiresAtMs <= nowMs) continue;
    const [, known, knownExpiresAtMs] = entries.get(scope) ?? [scope, undefined, 0];
    const isLive = known !== undefined && knownExpiresAtMs > nowMs;
    const next = isLive ? mergeLimitOf(algorithmOf(scope))?.({ state, expiresAtMs }, known, nowMs) : undefined;
    if (isLive && next === undefined) continue;
    entries.set(scope, next === undefined ? kept : [scope, next.state, Math.max(nowMs + next.ttlMs, knownExpiresAtMs)]);
    changed = true;
  }
  const state = [...entries.values()];
  const ttlMs = Math.max(1, ...state.map(([, , expiresAtMs]) => expiresAtMs - nowMs));
  return changed ? { state, ttlMs: Math.ceil(ttlMs) } : undefined;
};

/** The prefix is in it as it is in every scope: escaped. */
function ledgerScope(prefix: string): string {
  return `${prefix}${scopeOf("", { name: "*", algorithm: "" })}`;
}

function algorithmOf(scope: string): string {
  return scope.split(":")[2] ?? "";
}

function ledgerIn(state: unknown): Ledger {
  return Array.isArray(state) ? state.filter((kept) => Array.isArray(kept) && typeof kept[0] === "string") : [];
}
