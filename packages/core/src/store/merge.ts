import { stateMergeOf } from "../algorithm/built-in.js";
import type { StateMerge } from "../algorithm/built-in-algorithm.js";
import { MAX_DURATION_MS } from "../duration.js";
import { can, type ExportedEntry } from "./capabilities.js";
import { isEntry } from "./entry.js";
import { scopeOf, splitEntryKey } from "./entry-key.js";
import { type Merge, recordMerges } from "./records.js";
import type { Store } from "./store.js";

/** Records have this name instead of an algorithm's. */
const RECORD = "record";

const MERGES_OF_RECORDS: ReadonlyMap<string, Merge> = /* @__PURE__ */ new Map(Object.entries(recordMerges));

/** Returns how entries under a key are merged when state moves. If their kind is unknown, the target's state is kept. */
export function mergeOf(entryKey: string): Merge {
  if (isLedger(entryKey)) return mergeLedger;
  const [, name = "", algorithm = ""] = splitEntryKey(entryKey).scope.split(":");
  const merge = algorithm === RECORD ? MERGES_OF_RECORDS.get(name) : mergeLimitOf(algorithm);
  return merge ?? (() => undefined);
}

/** An algorithm's own state. */
type State = readonly number[];

/** Merges two entries of an algorithm. The block that ends later is kept. */
function mergeEntries({ windowOf, join, untilOf }: StateMerge<State>): Merge {
  return ({ state: arriving, expiresAtMs }, there, nowMs) => {
    if (!isLimitEntry(arriving) || !isLimitEntry(there)) return undefined;
    const [, arrivingBlockMs, arrivingState] = arriving;
    const [, blockMs, state] = there;
    const windowMs = arrivingState === null ? undefined : windowOf(arrivingState, expiresAtMs);
    const window = { ms: Math.max(1, Math.ceil(windowMs ?? 1)), exact: arrivingBlockMs < expiresAtMs };
    const joined =
      arrivingState === null || windowMs === undefined
        ? state
        : state === null
          ? arrivingState
          : join(arrivingState, state, window, nowMs);
    const blockedUntilMs = Math.max(blockMs, arrivingBlockMs);
    if (isSame(joined, state) && blockedUntilMs <= Math.max(blockMs, nowMs)) return undefined;
    // The remaining life of the target's state is not known here. A life that is too long does no harm.
    const untilMs = joined === null ? 0 : untilOf(joined, windowMs ?? MAX_DURATION_MS);
    const ttlMs = Math.max(1, Math.ceil(Math.max(untilMs, blockedUntilMs) - nowMs));
    const blockedForMs = lengthOfBlock([arriving, there], nowMs);
    return {
      state: blockedForMs === undefined ? [1, blockedUntilMs, joined] : [2, blockedUntilMs, joined, blockedForMs],
      ttlMs,
    };
  };
}

type LimitEntry =
  | readonly [version: 1, blockedUntilMs: number, state: State | null]
  | readonly [version: 2, blockedUntilMs: number, state: State | null, blockedForMs: number];

function isLimitEntry(state: unknown): state is LimitEntry {
  if (!Array.isArray(state) || state.length !== state[0] + 2 || !Number.isSafeInteger(state[1])) return false;
  if (state[0] !== 1 && !(state[0] === 2 && Number.isSafeInteger(state[3]))) return false;
  const own: unknown = state[2];
  return own === null || (Array.isArray(own) && own.every(Number.isSafeInteger));
}

/** The length of the longest block that has not ended. `undefined` if there is none, or if one has an unknown length. */
function lengthOfBlock(entries: readonly LimitEntry[], nowMs: number): number | undefined {
  const lasting = entries.filter(([, blockedUntilMs]) => blockedUntilMs > nowMs);
  const lengths = lasting.map((entry) => (entry[0] === 2 ? entry[3] : Number.NaN));
  const longest = Math.max(...lengths);
  return Number.isFinite(longest) ? longest : undefined;
}

function isSame(one: State | null, other: State | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((value, i) => value === other[i]);
}

/** Returns how entries of an algorithm are merged. `undefined` if it is not built in. */
function mergeLimitOf(algorithm: string): Merge | undefined {
  const merge = stateMergeOf(algorithm);
  return merge && mergeEntries(merge as StateMerge<State>);
}

/*
 * If a store has no `decide` for its algorithms, a limiter keeps the entries of all its policies for one key together, in a
 * ledger (see decision 0006). A move between a store that decides and one that does not has to convert them.
 */

/** Entries, each with its scope and its expiry. */
type Ledger = readonly (readonly [scope: string, entry: unknown, expiresAtMs: number])[];

/** Returns whether an entry is a ledger. No policy or algorithm has such a name. */
function isLedger(entryKey: string): boolean {
  return /^[^:]*:\*::$/.test(splitEntryKey(entryKey).scope);
}

/** The form of an entry on a store: unchanged, as part of a ledger, or as the entries of a ledger. */
export function placedOn(store: Store, entry: ExportedEntry): readonly ExportedEntry[] {
  const decided = (name: string): boolean => can(store, "decide") && (store.algorithms?.has(name) ?? true);
  const { scope, key } = splitEntryKey(entry.key);
  if (isLedger(entry.key)) {
    const entries = ledgerIn(entry.state);
    const decides = entries.length > 0 && entries.every(([each]) => decided(algorithmOf(each)));
    if (!decides || entry.digested) return [entry];
    return entries.map(([each, state, expiresAtMs]) => ({ key: each + key, state, expiresAtMs }));
  }
  const algorithm = algorithmOf(scope);
  // Entries of a custom algorithm can't be merged.
  const isOfLimit = mergeLimitOf(algorithm) !== undefined || (algorithm !== RECORD && isEntry(entry.state));
  if (!isOfLimit || decided(algorithm) || entry.digested) return [entry];
  const prefix = scope.slice(0, scope.indexOf(":"));
  return [{ ...entry, key: `${ledgerScope(prefix)}${key}`, state: [[scope, entry.state, entry.expiresAtMs]] }];
}

/** Returns whether an existing ledger has none of the arriving entries. */
function lacksAll(there: unknown, arriving: unknown): boolean {
  const known = new Set(ledgerIn(there).map(([scope]) => scope));
  return ledgerIn(arriving).every(([scope]) => !known.has(scope));
}

/** Merges ledgers entry by entry. */
const mergeLedger: Merge = ({ state: arriving }, there, nowMs) => {
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
  return changed ? { state, ttlMs: Math.ceil(ttlMs), isNew: lacksAll(there, arriving) } : undefined;
};

/** The scope of a ledger. `prefix` is already escaped, as in every scope. */
function ledgerScope(prefix: string): string {
  return `${prefix}${scopeOf("", { name: "*", algorithm: "" })}`;
}

function algorithmOf(scope: string): string {
  return scope.split(":")[2] ?? "";
}

function ledgerIn(state: unknown): Ledger {
  return Array.isArray(state) ? state.filter((kept) => Array.isArray(kept) && typeof kept[0] === "string") : [];
}
