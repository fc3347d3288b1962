import type { ExportedEntry } from "../capabilities.js";

/** An entry in the form that a database keeps. */
export interface StoredEntry {
  /** The stored key: see `storedKeys`. */
  readonly key: string;
  readonly state: unknown;
  /** Whole milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/**
 * The places in which a database keeps entries, such as the hash slots of a cluster. It can't decide or write entries of
 * different places together.
 */
export interface Places {
  /** False while all entries are in one place. */
  readonly split: boolean;
  /** Names the place of a stored key. */
  of(key: string): string;
}

/** Writes entries of another store. */
export interface PageWriter {
  /** The most entries in a page. */
  readonly size: number;
  /** The most pages in flight at once. */
  readonly atOnce: number;
  /**
   * Writes the entries of a page whose keys have no live state. All entries belong to one place. Resolves to the positions
   * of the entries that were not written. Resolves to `"moved"`, with nothing written, if the entries are now in several
   * places.
   */
  write(page: readonly StoredEntry[], place: string | undefined): Promise<readonly number[] | "moved">;
}

type Page = readonly [place: string | undefined, entries: StoredEntry[]];

/** Creates `importEntries` for a store that writes entries in pages. */
export function importPages(
  entries: readonly ExportedEntry[],
  keyOf: (entry: ExportedEntry) => string,
  places: Places | undefined,
  { size, atOnce, write }: PageWriter,
): Promise<readonly ExportedEntry[]> {
  function pagesOf(stored: readonly StoredEntry[]): readonly Page[] {
    const open = new Map<string | undefined, StoredEntry[]>();
    const pages: Page[] = [];
    for (const entry of stored) {
      const place = places?.split ? places.of(entry.key) : undefined;
      const page = open.get(place);
      if (page !== undefined && page.length < size) {
        page.push(entry);
      } else {
        const next = [entry];
        open.set(place, next);
        pages.push([place, next]);
      }
    }
    return pages;
  }

  return importDistinct(entries, keyOf, async (distinct) => {
    const left: ExportedEntry[] = [];

    async function writeAll(stored: readonly StoredEntry[]): Promise<void> {
      const all = pagesOf(stored);
      const pages = all.values();
      const work = async (): Promise<void> => {
        for (const [place, page] of pages) {
          const kept = await write(page, place);
          if (kept === "moved") await writeAll(page);
          else
            for (const position of kept) left.push(distinct.get((page[position] as StoredEntry).key) as ExportedEntry);
        }
      };
      await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, work));
    }

    await writeAll(
      Array.from(distinct, ([key, { state, expiresAtMs }]) => ({ key, state, expiresAtMs: Math.ceil(expiresAtMs) })),
    );
    return left;
  });
}

/**
 * Imports entries with a function that can't handle the same key twice. If several entries have one name, the first is
 * written, and the others are reported as not written.
 *
 * @param nameOf returns the store's name for the entry's key
 * @param write writes entries with different names, and resolves to those that it did not write
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
