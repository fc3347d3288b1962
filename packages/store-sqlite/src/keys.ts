import { createHash } from "node:crypto";
import { type StoredKey, type StoredKeys, storedKeys } from "@sluice/core/store";

/** How entries are named: as in every other database. */
export const keys: StoredKeys = storedKeys((text) =>
  createHash("sha256").update(Buffer.from(text, "utf16le")).digest("hex"),
);

/** The text under which an entry is stored. */
export function rowKey({ scope, key }: StoredKey): string {
  return scope + key;
}
