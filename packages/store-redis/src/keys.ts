import { createHash } from "node:crypto";
import { type ExportedEntry, exportedKey, type StoredKey, splitEntryKey, storedKeys } from "@sluice/core/store";

/**
 * How many hash tags there are. All keys of one client share one, so that its policies can be decided together on a
 * cluster; a thousand of them spread evenly over any usual number of masters.
 */
const TAGS = 1024;

/** In place of a scope, what the keys of lanes have: no scope begins so. */
export const LANE = "#lane:";

const named = storedKeys((text) => createHash("sha256").update(Buffer.from(text, "utf16le")).digest("hex"));

/** Names the hash slot of an entry: nothing in the user's key itself can. FNV-1a over UTF-16 code units. */
function tagOf({ key }: StoredKey): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  // The low bits of FNV depend least on the early characters.
  hash ^= hash >>> 15;
  return ((hash >>> 0) % TAGS).toString(36);
}

/** A Redis key, and the hash tag in it. */
export interface TaggedKey {
  readonly redisKey: string;
  readonly tag: string;
}

function tagged(prefix: string, stored: StoredKey): TaggedKey {
  const tag = tagOf(stored);
  return { redisKey: `${prefix}{${tag}}${stored.scope}${stored.key}`, tag };
}

/** The hash tag of a claim's entry. */
export function claimTag(scope: string, key: string): string {
  return tagOf(named.of(scope, key));
}

/** The Redis key of a claim's entry: `prefix{tag}scope` and the user's key. */
export function redisKey(prefix: string, scope: string, key: string): string {
  return tagged(prefix, named.of(scope, key)).redisKey;
}

/** The same for the key of an entry as `atomicUpdate` gets it. */
export function redisKeyOf(prefix: string, entryKey: string): TaggedKey {
  return tagged(prefix, named.ofEntryKey(entryKey));
}

/** The same for an entry of another store. */
export function redisKeyOfExported(prefix: string, entry: ExportedEntry): TaggedKey {
  return tagged(prefix, named.ofExported(entry));
}

/** The key of an entry to export; `undefined` for a Redis key that is none of this store's entries. */
export function exportedKeyOf(prefix: string, key: string): Pick<ExportedEntry, "key" | "digested"> | undefined {
  const text = /^\{[0-9a-z]+\}(.*)$/s.exec(key.slice(prefix.length))?.[1];
  if (text === undefined || text.startsWith(LANE)) return undefined;
  return tagged(prefix, splitEntryKey(text)).redisKey === key ? exportedKey(text) : undefined;
}
