import { type ExportedEntry, exportedKey } from "@sluice/core/store";
import { keys, rowKey } from "./keys.js";
import { stateOf } from "./row.js";
import { SWEEP_TURN } from "./sweeper.js";
import type { Transactor } from "./transactor.js";

/** How many entries one transaction reads or writes: a few milliseconds. */
const AT_ONCE = 256;

/** All live entries, in the order of their keys. */
export async function* exportAll({ make }: Transactor): AsyncGenerator<ExportedEntry> {
  for (let after = ""; ; ) {
    const page = await make((view) => view.ask((session) => session.pageAfter(after, view.nowMs, AT_ONCE)));
    for (const { key, row } of page) {
      if (key !== SWEEP_TURN) yield { ...exportedKey(key), state: stateOf(row), expiresAtMs: row.expiresMs };
    }
    if (page.length < AT_ONCE) return;
    after = page.at(-1)?.key ?? "";
  }
}

/**
 * Writes the entries whose keys are free, and resolves to the others.
 *
 * @throws SluiceError `DIGESTED_KEY`
 */
export async function importAll(
  { make }: Transactor,
  entries: readonly ExportedEntry[],
): Promise<readonly ExportedEntry[]> {
  const named = entries.map((entry) => ({ entry, key: rowKey(keys.ofExported(entry)) }));
  const left: ExportedEntry[] = [];
  for (let at = 0; at < named.length; at += AT_ONCE) {
    const some = named.slice(at, at + AT_ONCE);
    left.push(
      ...(await make((view) => {
        const alive = some.filter(({ entry }) => entry.expiresAtMs > view.nowMs);
        const taken = alive.filter(({ entry, key }) => {
          if (view.read(key) !== undefined) return true;
          view.write(key, entry.state, entry.expiresAtMs);
          return false;
        });
        return taken.map(({ entry }) => entry);
      })),
    );
  }
  return left;
}
