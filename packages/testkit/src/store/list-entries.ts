import type { Store } from "@sluice/core";
import { can, type ExportedEntry } from "@sluice/core/store";

/** The entries of one test. */
export async function listEntries(store: Store, prefix: string): Promise<ExportedEntry[]> {
  if (!can(store, "exportEntries")) throw new TypeError("the store has no exportEntries");
  const entries: ExportedEntry[] = [];
  for await (const entry of store.exportEntries()) if (entry.key.startsWith(prefix)) entries.push(entry);
  return entries;
}
