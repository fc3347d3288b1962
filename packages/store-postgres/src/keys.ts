import { createHash } from "node:crypto";
import { type ExportedEntry, type StoredKey, storedKeys } from "@sluice/core/store";

const named = storedKeys((text) => createHash("sha256").update(Buffer.from(text, "utf16le")).digest("hex"));

function textOf({ scope, key }: StoredKey): string {
  return scope + key;
}

/** The text under which an entry is stored: its scope and the user's key. */
export function rowKey(scope: string, key: string): string {
  return textOf(named.of(scope, key));
}

/** The same for the key of an entry as `atomicUpdate` gets it. */
export function rowKeyOf(entryKey: string): string {
  return textOf(named.ofEntryKey(entryKey));
}

/** The same for an entry of another store. */
export function rowKeyOfExported(entry: ExportedEntry): string {
  return textOf(named.ofExported(entry));
}

/** Keys as Postgres writes an array of texts. */
export function textArray(keys: readonly string[]): string {
  return `{${keys.map((key) => `"${key.replace(/["\\]/g, "\\$&")}"`).join()}}`;
}
