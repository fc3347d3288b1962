import type { ExportedEntry } from "./capabilities.js";

/**
 * `importEntries` by a function that can't handle the same key twice: of several entries with one name the first is
 * written, and the others are reported as not written.
 *
 * @param nameOf returns the store's name for the entry's key
 * @param write writes entries with different names, and resolves to those that it left alone
 */
export async function importDistinct(
  entries: readonly ExportedEntry[],
  nameOf: (entry: ExportedEntry) => string,
  write: (distinct: ReadonlyMap<string, ExportedEntry>) => Promise<Iterable<ExportedEntry>>,
): Promise<readonly ExportedEntry[]> {
  const distinct = new Map<string, ExportedEntry>();
  const left = new Set<ExportedEntry>();
  for (const entry of entries) {
    const name = nameOf(entry);
    if (distinct.has(name)) left.add(entry);
    else distinct.set(name, entry);
  }
  if (distinct.size > 0) for (const entry of await write(distinct)) left.add(entry);
  return entries.filter((entry) => left.has(entry));
}
