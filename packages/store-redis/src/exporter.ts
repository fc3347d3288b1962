import { type ExportedEntry, SluiceError, unreadableState } from "@sluice/core/store";
import type { Commands } from "./commands.js";
import { isCrossSlot } from "./failures.js";
import { exportedKeyOf } from "./keys.js";
import { arrayReply, integerReply, malformedReply, textReply } from "./replies.js";
import { runScript } from "./run-script.js";
import { exportEntries } from "./scripts.generated.js";

/** About how many keys a script looks at: it takes the server a millisecond or two. */
const PAGE = 500;

/** All entries of the store with this prefix, server by server. */
export async function* exportFrom(commands: Commands, prefix: string): AsyncGenerator<ExportedEntry> {
  const keyPrefix = await keyPrefixOf(commands);
  const pattern = `${(keyPrefix + prefix).replace(/[\\*?[\]^]/g, "\\$&")}{*}*`;
  for (const master of await commands.masters()) {
    let cursor = "0";
    do {
      // See `export-entries.lua`.
      const page = arrayReply(await runScript(master, exportEntries, [], [cursor, pattern, String(PAGE)]));
      if (page.length % 3 !== 1) throw malformedReply(`${page.length} values, which is not 1 and some triples`);
      cursor = cursorOf(page[0]);
      for (let i = 1; i < page.length; i += 3) {
        const named = exportedKeyOf(prefix, textReply(page[i]).slice(keyPrefix.length));
        if (named === undefined) continue;
        yield { ...named, state: parse(page[i + 1]), expiresAtMs: integerReply(page[i + 2]) };
      }
    } while (cursor !== "0");
  }
}

/**
 * What the client puts before every key, as ioredis and redis 6 do with the option `keyPrefix`.
 *
 * @throws SluiceError `NOT_LISTABLE` on a cluster whose servers the client does not know: scripts without keys reach one only
 */
async function keyPrefixOf(commands: Commands): Promise<string> {
  const keys = commands.cluster ? [PROBE] : [PROBE, "{1}"];
  try {
    return textReply(await commands.eval("return KEYS[1]", keys, [])).slice(0, -PROBE.length);
  } catch (error) {
    if (!isCrossSlot((error as SluiceError).cause)) throw error;
    throw new SluiceError(
      "NOT_LISTABLE",
      "the entries of a Redis Cluster can only be listed through a cluster client of ioredis or redis: pass such a client",
      { cause: error },
    );
  }
}

const PROBE = "{0}";

/** A cursor may be larger than numbers are exact. */
function cursorOf(value: unknown): string {
  return typeof value === "number" || typeof value === "bigint" ? String(value) : textReply(value);
}

function parse(value: unknown): unknown {
  if (value === null) throw unreadableState();
  const text = textReply(value);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}
