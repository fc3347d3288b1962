import { SluiceError } from "../errors.js";
import type { ExportedEntry } from "./capabilities.js";
import { splitEntryKey } from "./entry-key.js";

/** The text under which a database keeps an entry, in two parts. */
export interface StoredKey {
  /** See {@link scopeOf}. Empty if the entry's key has no scope, or if a digest replaces the scope as well. */
  readonly scope: string;
  /** The user's key, or `#` and a digest. */
  readonly key: string;
}

/** The names of entries in databases. All databases use the same names, so that entries can move between any two of them. */
export interface StoredKeys {
  of(scope: string, key: string): StoredKey;
  /** The stored name of an entry, from its key as `atomicUpdate` gets it. */
  ofEntryKey(entryKey: string): StoredKey;
  /** The name of an entry of another store. @throws SluiceError `DIGESTED_KEY` if its digest is invalid */
  ofExported(entry: Pick<ExportedEntry, "key" | "digested">): StoredKey;
}

/** Longer keys are stored as their digest: most databases limit the length of indexed values. */
const LONGEST_KEY = 256;

/**
 * Keeps names below DynamoDB's limit of 2,048 bytes, the smallest of all, with the longest key and 3 bytes a UTF-16 code
 * unit.
 */
const LONGEST_SCOPE = 420;

/** Postgres text can't hold NUL. Lone surrogates have no UTF-8 form, so encoders turn all of them into one character. */
const REFUSED = /\0|\p{Surrogate}/u;

/** The used part of `createHash` of `node:crypto`. */
export type CreateHash = (algorithm: "sha256") => {
  update(data: Uint8Array): { digest(encoding: "hex"): string };
};

/**
 * Names entries for a database that limits the length or the characters of keys. Short, well-formed keys are stored
 * unchanged. All other keys become `#` and a digest, including those that start with `#`. Two different keys never get the
 * same name.
 *
 * The digest is the SHA-256 of the text's UTF-16 code units, low bytes first, as 64 hexadecimal digits.
 *
 * @param createHash the function of `node:crypto`, which core can't import
 *
 * @example
 * ```ts
 * import { createHash } from "node:crypto";
 * import { storedKeys } from "@sluice/core/store";
 *
 * const keys = storedKeys(createHash);
 * const { scope, key } = keys.ofEntryKey("sluice:default:token-bucket:user-123");
 * console.log(scope + key);
 * ```
 */
export function storedKeys(createHash: CreateHash): StoredKeys {
  function digest(text: string): string {
    const bytes = new Uint8Array(2 * text.length);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      bytes[2 * i] = unit;
      bytes[2 * i + 1] = unit >>> 8;
    }
    return createHash("sha256").update(bytes).digest("hex");
  }

  /** Each policy has one scope, so the next call usually has the same scope. */
  let literalScope = "";

  function of(scope: string, key: string): StoredKey {
    if (scope !== literalScope) {
      if (!isLiteral(scope, LONGEST_SCOPE)) return { scope: "", key: `#${digest(scope + key)}` };
      literalScope = scope;
    }
    return { scope, key: isLiteral(key, LONGEST_KEY) ? key : `#${digest(key)}` };
  }

  function ofEntryKey(entryKey: string): StoredKey {
    const { scope, key } = splitEntryKey(entryKey);
    return of(scope, key);
  }

  return {
    of,
    ofEntryKey,
    ofExported({ key: entryKey, digested }) {
      if (digested !== true) return ofEntryKey(entryKey);
      const stored = splitEntryKey(entryKey);
      if (/^#[0-9a-f]{64}$/.test(stored.key)) return stored;
      throw new SluiceError(
        "DIGESTED_KEY",
        "an entry is marked as digested but its key does not end in # and 64 hexadecimal digits: leave it out",
      );
    },
  };
}

/** Returns whether a text can be stored unchanged and can't be mistaken for a digest. */
function isLiteral(text: string, maxLength: number): boolean {
  return text.length <= maxLength && !text.startsWith("#") && !REFUSED.test(text);
}

/** The key of an entry to export, from its {@link StoredKey} as one text: `scope` and `key` together. */
export function exportedKey(stored: string): Pick<ExportedEntry, "key" | "digested"> {
  return splitEntryKey(stored).key.startsWith("#") ? { key: stored, digested: true } : { key: stored };
}
