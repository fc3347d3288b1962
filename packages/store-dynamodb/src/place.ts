import { createHash } from "node:crypto";
import { builtInAlgorithms, opaqueKey, splitEntryKey } from "@sluice/core";

/** Where an entry lies: in which item, and in which of its attributes. */
export interface Place {
  /** The item's partition key. */
  readonly pk: string;
  readonly attribute: string;
  /** The algorithm of the entry; `undefined` for state that is not a policy's. */
  readonly algorithm: string | undefined;
}

/** Up to three bytes each in UTF-8, of the 2,048 that a partition key may have. */
const LONGEST_KEY = 512;

/** The only attribute of an item that is not for the policies of a key. Theirs contain a colon. */
const STATE = "state";

/** What can be an attribute's name whatever stands before it: the colons and percent signs of names are escaped. */
const SHORT_ASCII = /^[\x20-\x7e]{1,800}$/;

/**
 * All policies of a key, of limiters with one prefix, lie in one item, each in an attribute named after the policy and
 * its algorithm. Everything else has an item of its own.
 */
export function placeOf(entryKey: string): Place {
  const { scope, key } = splitEntryKey(entryKey);
  const [prefix = "", name = "", algorithm = ""] = scope.split(":");
  if (builtInAlgorithms.has(algorithm) && SHORT_ASCII.test(scope)) {
    return { pk: partitionKey("key", `${prefix}:${key}`), attribute: `${name}:${algorithm}`, algorithm };
  }
  return { pk: partitionKey("state", entryKey), attribute: STATE, algorithm: undefined };
}

function partitionKey(kind: "key" | "state", text: string): string {
  return `${kind}:${opaqueKey(text, { maxLength: LONGEST_KEY, digest })}`;
}

/** SHA-256 of the UTF-16 code units, so that lone surrogates stay apart. */
function digest(key: string): string {
  return createHash("sha256").update(Buffer.from(key, "utf16le")).digest("hex");
}
