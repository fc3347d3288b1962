import { type ExportedEntry, exportedKey, importDistinct, splitEntryKey } from "@sluice/core/store";
import { type Place, placeOfExported, storedTextOf } from "./place.js";
import { PARTITION_KEY } from "./reply.js";
import { decode, type Item } from "./stored.js";
import type { Table } from "./table.js";
import { TIME_TO_LIVE } from "./time-to-live.js";

/** All entries of a table, page by page. */
export async function* exportFrom(table: Table): AsyncGenerator<ExportedEntry> {
  let start: Item | undefined;
  do {
    const { items, next } = await table.scan(start);
    for (const item of items) yield* entriesIn(item);
    start = next;
  } while (start !== undefined);
}

function* entriesIn(item: Item): Generator<ExportedEntry> {
  const nowMs = Date.now();
  for (const [attribute, value] of Object.entries(item)) {
    const text = storedTextOf(item[PARTITION_KEY]?.S ?? "", attribute);
    if (text === undefined) continue;
    const [, , algorithm] = splitEntryKey(text).scope.split(":");
    const kept = decode(algorithm, value);
    if (kept === undefined) continue;
    // State that does not tell goes with its item.
    const itemGoesMs = Number(item[TIME_TO_LIVE]?.N ?? 0) * 1_000;
    const expiresAtMs = Number.isFinite(kept.expiresAtMs) ? kept.expiresAtMs : itemGoesMs;
    if (expiresAtMs > nowMs) yield { ...exportedKey(text), state: kept.state, expiresAtMs };
  }
}

/**
 * Writes entries, each by one conditional request, or two where there is something.
 *
 * @param write writes an entry where there is no live one, and tells whether it did
 */
export function importInto(
  entries: readonly ExportedEntry[],
  write: (place: Place, entry: ExportedEntry) => Promise<boolean>,
): Promise<readonly ExportedEntry[]> {
  return importDistinct(
    entries,
    (entry) => {
      const { pk, attribute } = placeOfExported(entry);
      return `${attribute} ${pk}`;
    },
    async (distinct) => {
      const left: ExportedEntry[] = [];
      await Promise.all(
        Array.from(distinct.values(), async (entry) => {
          if (!(await write(placeOfExported(entry), entry))) left.push(entry);
        }),
      );
      return left;
    },
  );
}
