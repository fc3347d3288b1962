import { type ExportedEntry, importDistinct } from "@sluice/core";
import { redisKeyOfExported } from "./keys.js";
import type { Lanes } from "./lanes.js";
import type { Commands } from "./redis-client.js";
import { runScript } from "./run-script.js";
import { importEntries } from "./scripts.generated.js";

/** The most entries of one script: it takes the server a millisecond or two. */
const PAGE = 256;

/** The most scripts on their way at once. */
const AT_ONCE = 32;

/** What one script can reach. */
interface Page {
  readonly tag: string;
  readonly keys: string[];
  readonly entries: ExportedEntry[];
}

/** `importEntries` by scripts, on a cluster one for each hash slot. */
export function createImporter(
  commands: Commands,
  lanes: Lanes,
  prefix: string,
): (entries: readonly ExportedEntry[]) => Promise<readonly ExportedEntry[]> {
  function pagesOf(entries: ReadonlyMap<string, ExportedEntry>): readonly Page[] {
    const pages: Page[] = [];
    const open = new Map<string, Page>();
    for (const [key, entry] of entries) {
      const tag = commands.cluster ? redisKeyOfExported(prefix, entry).tag : "";
      let page = open.get(tag);
      if (page === undefined || page.keys.length === PAGE) {
        page = { tag, keys: [], entries: [] };
        open.set(tag, page);
        pages.push(page);
      }
      page.keys.push(key);
      page.entries.push(entry);
    }
    return pages;
  }

  async function write({ tag, keys, entries }: Page): Promise<readonly ExportedEntry[]> {
    const values = entries.flatMap(({ state, expiresAtMs }) => [JSON.stringify(state), String(Math.ceil(expiresAtMs))]);
    const left = await lanes.use(tag, (lane) =>
      runScript(commands, importEntries, [lane.key, ...keys], [lane.number, ...values]),
    );
    return (left as readonly number[]).map((i) => entries[i] as ExportedEntry);
  }

  return (entries) =>
    importDistinct(
      entries,
      (entry) => redisKeyOfExported(prefix, entry).redisKey,
      async (distinct) => {
        const pages = pagesOf(distinct).values();
        const left: ExportedEntry[] = [];
        const work = async (): Promise<void> => {
          for (const page of pages) left.push(...(await write(page)));
        };
        await Promise.all(Array.from({ length: AT_ONCE }, work));
        return left;
      },
    );
}
