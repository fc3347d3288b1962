import { createHash } from "node:crypto";
import { builtInAlgorithms, type ExportedEntry, type StoredKey, storedKeys } from "@sluice/core/store";

/** Where an entry lies: in which item, and in which of its attributes. */
export interface Place {
  /** The item's partition key. */
  readonly pk: string;
  readonly attribute: string;
  /** The algorithm of the entry; `undefined` for state that is not a policy's. */
  readonly algorithm: string | undefined;
}

const keys = storedKeys((text) => createHash("sha256").update(Buffer.from(text, "utf16le")).digest("hex"));

/** The only attribute of an item that is not for the policies of a key. Theirs contain a colon. */
const STATE = "state";

/** What can be an attribute's name whatever stands before it: the colons and percent signs of names are escaped. */
const ASCII = /^[\x20-\x7e]+$/;

/**
 * All policies of a key, of limiters with one prefix, lie in one item, each in an attribute named after the policy and
 * its algorithm. Everything else has an item of its own.
 */
export function placeOf(entryKey: string): Place {
  return placeOfStored(keys.ofEntryKey(entryKey));
}

/** The same for an entry of another store. */
export function placeOfExported(entry: ExportedEntry): Place {
  return placeOfStored(keys.ofExported(entry));
}

function placeOfStored({ scope, key }: StoredKey): Place {
  const [prefix = "", name = "", algorithm = ""] = scope.split(":");
  if (builtInAlgorithms.has(algorithm) && ASCII.test(scope)) {
    return { pk: `${POLICIES}${prefix}:${key}`, attribute: `${name}:${algorithm}`, algorithm };
  }
  return { pk: `${OTHER}${scope}${key}`, attribute: STATE, algorithm: undefined };
}

/** What begins the partition keys of both kinds of items. */
const POLICIES = "key:";
const OTHER = "state:";

/** The text of the {@link StoredKey} of what lies in an attribute of an item; `undefined` for what is no entry. */
export function storedTextOf(pk: string, attribute: string): string | undefined {
  if (pk.startsWith(OTHER)) return attribute === STATE ? pk.slice(OTHER.length) : undefined;
  if (!pk.startsWith(POLICIES) || !attribute.includes(":")) return undefined;
  const [prefix, key] = splitOnce(pk.slice(POLICIES.length));
  return `${prefix}:${attribute}:${key}`;
}

function splitOnce(text: string): readonly [string, string] {
  const colon = text.indexOf(":");
  return [text.slice(0, colon), text.slice(colon + 1)];
}
