import type { Policy } from "../algorithm/policy.js";
import type { Claim } from "./store.js";

/*
 * An entry's key is `prefix:policy:algorithm:key`. The first three parts are escaped, so that they contain no colon. So
 * keys are readable and can be split again, and different combinations never have the same key.
 */

function escaped(part: string): string {
  return part.replaceAll("%", "%25").replaceAll(":", "%3A");
}

/** An entry's key without the user's key. State of another prefix, policy or algorithm is in another entry. */
export function scopeOf(prefix: string, policy: Policy): string {
  return `${escaped(prefix)}:${escaped(policy.name)}:${escaped(policy.algorithm)}:`;
}

/**
 * The position of the user's key in an entry's key, which is the length of its scope. A key that {@link scopeOf} did not
 * create has no scope and counts as a user's key as a whole.
 */
export function scopeLength(entryKey: string): number {
  let end = -1;
  for (let colons = 0; colons < 3; colons++) {
    end = entryKey.indexOf(":", end + 1);
    if (end === -1) return 0;
  }
  return end + 1;
}

/** Splits an entry's key into scope and user's key: see {@link scopeLength}. */
export function splitEntryKey(entryKey: string): { scope: string; key: string } {
  const length = scopeLength(entryKey);
  return { scope: entryKey.slice(0, length), key: entryKey.slice(length) };
}

/**
 * The key under which a store that does not decide keeps the entries of all policies for a claim's key: `prefix:*::key`. No
 * policy has this scope, because every algorithm has a name.
 */
export function ledgerKey({ scope, key }: Claim): string {
  return `${scope.slice(0, scope.indexOf(":"))}:*::${key}`;
}

/** The key of the store's entry that a claim is about. */
export function entryKeyOf(claim: Claim, storeDecides: boolean): string {
  return storeDecides ? claim.scope + claim.key : ledgerKey(claim);
}

/** How many keys a key counts as in memory: one for each 256 characters, so that long keys can't fill the memory. */
export function roomOf(key: string): number {
  return 1 + (key.length >> 8);
}

/**
 * A copy of a key to keep. V8 stores a part of a string as a view of the whole string, such as a request's header fields,
 * and so keeps all of it in memory. Uses `join`, because a part of a longer copy would be a view too, and takes 4 more
 * bytes.
 */
export function copyOfKey(key: string): string {
  return [key.slice(0, 1), key.slice(1)].join("");
}
