import { createHash } from "node:crypto";
import { type Claim, checkStore, type ExportedEntry, invalidOption, type Store, storedKeys } from "@sluice/core/store";
import { rendezvous } from "./rendezvous.js";

/** A store, and the name by which keys find it. */
export interface Shard<S extends Store> {
  readonly name: string;
  readonly store: S;
}

/** How many levels of sharded stores a store contains. A symbol, because copies of a store keep it. */
export const DEPTH: unique symbol = Symbol("depth of sharded stores");

/** Several stores, and the mapping of keys to them. */
export interface Shards<S extends Store> {
  readonly all: readonly Shard<S>[];
  readonly depth: number;
  ofClaim(claim: Claim): Shard<S>;
  ofEntryKey(entryKey: string): Shard<S>;
  ofExported(entry: ExportedEntry): Shard<S>;
}

const LONGEST_NAME = 128;

/** @throws SluiceError `INVALID_STORE`, `INVALID_OPTION` */
export function createShards<S extends Store>(stores: readonly S[], names: readonly string[] | undefined): Shards<S> {
  if (!Array.isArray(stores) || stores.length === 0) {
    throw invalidOption("stores", stores, "be an array of stores");
  }
  for (const [i, store] of stores.entries()) checkStore(store, `stores[${i}]`);
  if (new Set(stores).size < stores.length) {
    throw invalidOption("stores", stores, "contain each store only once");
  }
  const checked = names === undefined ? stores.map((_, i) => String(i)) : checkNames(names, stores.length);
  const all = stores.map((store, i) => ({ name: checked[i] as string, store }));
  const depth = 1 + Math.max(...stores.map((store) => (store as { [DEPTH]?: number })[DEPTH] ?? 0));
  // With the same hashes, all keys of a nested sharded store would go to a single one of its stores.
  const placeOf = rendezvous(checked.map((name) => "\0".repeat(depth - 1) + name));
  // Hashes the form of a key that databases know, so that an entry whose key is known only by its digest finds its shard
  // too.
  const stored = storedKeys(createHash);
  const shardOf = ({ key }: { key: string }): Shard<S> => all[placeOf(key)] as Shard<S>;
  return {
    all,
    depth,
    ofClaim: ({ scope, key }) => shardOf(stored.of(scope, key)),
    ofEntryKey: (entryKey) => shardOf(stored.ofEntryKey(entryKey)),
    ofExported: (entry) => shardOf(stored.ofExported(entry)),
  };
}

function checkNames(names: readonly string[], count: number): readonly string[] {
  const fit = (name: unknown) => typeof name === "string" && name.length > 0 && name.length <= LONGEST_NAME;
  if (Array.isArray(names) && names.length === count && new Set(names).size === count && names.every(fit)) return names;
  throw invalidOption("names", names, `be ${count} different names of 1 to ${LONGEST_NAME} characters`);
}
