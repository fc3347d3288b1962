import { type ExportedEntry, unreadableState } from "@sluice/core";
import { exportedKeyOf } from "./keys.js";
import type { Commands } from "./redis-client.js";
import { runScript, storeFailed } from "./run-script.js";
import { exportEntries } from "./scripts.generated.js";

/** About how many keys a script looks at: it takes the server a millisecond or two. */
const PAGE = 500;

/** See `export-entries.lua`. */
type Page = readonly [cursor: string, ...(string | number | null)[]];

/** All entries of the store with this prefix, server by server. */
export async function* exportFrom(commands: Commands, prefix: string): AsyncGenerator<ExportedEntry> {
  const { keyPrefix } = commands;
  const pattern = `${(keyPrefix + prefix).replace(/[\\*?[\]^]/g, "\\$&")}{*}*`;
  for (const master of await mastersOf(commands)) {
    let cursor = "0";
    do {
      const page = (await runScript(master, exportEntries, [], [cursor, pattern, String(PAGE)])) as Page;
      cursor = String(page[0]);
      for (let i = 1; i < page.length; i += 3) {
        const named = exportedKeyOf(prefix, String(page[i]).slice(keyPrefix.length));
        if (named === undefined) continue;
        yield { ...named, state: parse(page[i + 1] as string | null), expiresAtMs: Number(page[i + 2]) };
      }
    } while (cursor !== "0");
  }
}

async function mastersOf(commands: Commands): Promise<readonly Commands[]> {
  try {
    return await commands.masters();
  } catch (error) {
    throw storeFailed(error);
  }
}

function parse(text: string | null): unknown {
  try {
    if (text !== null) return JSON.parse(text);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
  throw unreadableState();
}
