import { splitEntryKey } from "@sluice/core/kit";
import { builtInAlgorithms, type StoredEntry } from "@sluice/core/store";
import { decode, type Item } from "./stored.js";
import { PARTITION_KEY, type Table, TIME_TO_LIVE } from "./table.js";

/** The place of an entry: its item, and the attribute in it. */
export interface Place {
  /** The item's partition key. */
  readonly pk: string;
  readonly attribute: string;
  /** The algorithm of the entry. `undefined` for state that does not belong to a policy. */
  readonly algorithm: string | undefined;
}

/** The only attribute of an item without a policy. Names of policies' attributes contain a colon. */
const STATE = "state";

/** Text that may be part of an attribute's name, after colons and percent signs are escaped. */
const ASCII = /^[\x20-\x7e]+$/;

/**
 * The place of a stored key. All policies of a key, for limiters with one prefix, are in one item. Each is in an attribute
 * named after the policy and its algorithm. Every other entry has a separate item.
 */
export function placeOf(storedKey: string): Place {
  const { scope, key } = splitEntryKey(storedKey);
  const [prefix = "", name = "", algorithm = ""] = scope.split(":");
  if (builtInAlgorithms.has(algorithm) && ASCII.test(scope)) {
    return { pk: `${POLICIES}${prefix}:${key}`, attribute: `${name}:${algorithm}`, algorithm };
  }
  return { pk: `${OTHER}${storedKey}`, attribute: STATE, algorithm: undefined };
}

/** The start of the partition keys of both kinds of items. */
const POLICIES = "key:";
const OTHER = "state:";

/** The stored key of an item's attribute. `undefined` if the attribute is not an entry. */
function storedKeyIn(pk: string, attribute: string): string | undefined {
  if (pk.startsWith(OTHER)) return attribute === STATE ? pk.slice(OTHER.length) : undefined;
  if (!pk.startsWith(POLICIES) || !attribute.includes(":")) return undefined;
  const [prefix, key] = splitOnce(pk.slice(POLICIES.length));
  return `${prefix}:${attribute}:${key}`;
}

function splitOnce(text: string): readonly [string, string] {
  const colon = text.indexOf(":");
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/** All entries of a table, page by page. */
export async function* pagesOf(table: Table): AsyncGenerator<readonly StoredEntry[]> {
  let start: Item | undefined;
  do {
    const { items, next } = await table.scan(start);
    yield items.flatMap(entriesIn);
    start = next;
  } while (start !== undefined);
}

function entriesIn(item: Item): readonly StoredEntry[] {
  const nowMs = Date.now();
  // State without its own expiry expires with its item.
  const itemGoesMs = Number(item[TIME_TO_LIVE]?.N ?? 0) * 1_000;
  return Object.entries(item).flatMap(([attribute, value]) => {
    const key = storedKeyIn(item[PARTITION_KEY]?.S ?? "", attribute);
    const kept = key === undefined ? undefined : decode(placeOf(key).algorithm, value);
    if (key === undefined || kept === undefined) return [];
    const expiresAtMs = Number.isFinite(kept.expiresAtMs) ? kept.expiresAtMs : itemGoesMs;
    return expiresAtMs > nowMs ? [{ key, state: kept.state, expiresAtMs }] : [];
  });
}
