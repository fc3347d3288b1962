import { createHash } from "node:crypto";
import { opaqueKey, splitEntryKey } from "@sluice/core";

/** Longer keys are stored as their digest. */
const LONGEST_KEY = 256;
/** With scope: at 3 bytes a UTF-16 code unit at the most, it stays below the 2,704 bytes that fit into the index. */
const LONGEST_ENTRY_KEY = 800;

/** SHA-256 of the UTF-16 code units, so that lone surrogates stay apart. */
function digest(key: string): string {
  return createHash("sha256").update(Buffer.from(key, "utf16le")).digest("hex");
}

/** Text can't hold NUL. */
const refuse = /\0/;

/** The text under which an entry is stored: its scope and the user's key. */
export function rowKey(scope: string, key: string): string {
  const text = scope + opaqueKey(key, { maxLength: LONGEST_KEY, digest, refuse });
  return opaqueKey(text, { maxLength: LONGEST_ENTRY_KEY, digest, refuse });
}

/** The same for the key of an entry as `atomicUpdate` gets it. */
export function rowKeyOf(entryKey: string): string {
  const { scope, key } = splitEntryKey(entryKey);
  return rowKey(scope, key);
}
