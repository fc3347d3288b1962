import { createHash } from "node:crypto";
import { opaqueKey, splitEntryKey } from "@sluice/core";

/**
 * How many hash tags there are. All keys of one client share one, so that its policies can be decided together on a
 * cluster; a thousand of them spread evenly over any usual number of masters.
 */
const TAGS = 1024;

/** Longer keys are stored as their digest. */
const LONGEST_KEY = 256;

/** Names the hash slot of a user's key: nothing in the key itself can. FNV-1a over UTF-16 code units. */
export function tagOf(key: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  // The low bits of FNV depend least on the early characters.
  hash ^= hash >>> 15;
  return ((hash >>> 0) % TAGS).toString(36);
}

/** SHA-256 of the UTF-16 code units, so that lone surrogates stay apart. */
function digest(key: string): string {
  return createHash("sha256").update(Buffer.from(key, "utf16le")).digest("hex");
}

/** The Redis key of an entry: `prefix{tag}scope` and the user's key. */
export function redisKey(prefix: string, scope: string, key: string): string {
  return `${prefix}{${tagOf(key)}}${scope}${opaqueKey(key, { maxLength: LONGEST_KEY, digest })}`;
}

/** The same for the key of an entry as `atomicUpdate` gets it. */
export function redisKeyOf(prefix: string, entryKey: string): { redisKey: string; tag: string } {
  const { scope, key } = splitEntryKey(entryKey);
  return { redisKey: redisKey(prefix, scope, key), tag: tagOf(key) };
}
