import { type ExportedEntry, importDistinct } from "@sluice/core/store";
import type { Commands } from "./commands.js";
import { redisKeyOfExported } from "./keys.js";
import type { Lanes } from "./lanes.js";
import { integersReply, malformedReply } from "./replies.js";
import { runScript } from "./run-script.js";
import { importEntries } from "./scripts.generated.js";
import type { Slots } from "./slots.js";

/** The most entries of one script: it takes the server a millisecond or two. */
const PAGE = 256;

/** The most scripts on their way at once. */
const AT_ONCE = 32;

/** The entries of one script, by their Redis keys. */
interface Page {
  readonly tag: string;
  readonly entries: Map<string, ExportedEntry>;
}

/** `importEntries` by scripts, on a cluster one for each hash slot. */
export function createImporter(
  commands: Commands,
  lanes: Lanes,
  slots: Slots,
  prefix: string,
): (entries: readonly ExportedEntry[]) => Promise<readonly ExportedEntry[]> {
  function pagesOf(entries: ReadonlyMap<string, ExportedEntry>): readonly Page[] {
    const pages: Page[] = [];
    const open = new Map<string, Page>();
    for (const [key, entry] of entries) {
      const tag = slots.reachOf(redisKeyOfExported(prefix, entry).tag);
      let page = open.get(tag);
      if (page === undefined || page.entries.size === PAGE) {
        page = { tag, entries: new Map() };
        open.set(tag, page);
        pages.push(page);
      }
      page.entries.set(key, entry);
    }
    return pages;
  }

  async function writePage(page: Page): Promise<readonly ExportedEntry[]> {
    const entries = [...page.entries.values()];
    const values = entries.flatMap(({ state, expiresAtMs }) => [JSON.stringify(state), String(Math.ceil(expiresAtMs))]);
    const left = await lanes.use(page.tag, (lane) =>
      runScript(commands, importEntries, [lane.key, ...page.entries.keys()], [lane.number, ...values]),
    );
    return integersReply(left).map((i) => {
      const entry = entries[i];
      if (entry === undefined) throw malformedReply(`${i} for one of ${entries.length} entries`);
      return entry;
    });
  }

  async function write(entries: ReadonlyMap<string, ExportedEntry>): Promise<readonly ExportedEntry[]> {
    const pages = pagesOf(entries).values();
    const left: ExportedEntry[] = [];
    const work = async (): Promise<void> => {
      for (const page of pages) {
        left.push(
          ...(await slots.splitting(
            () => writePage(page),
            () => write(page.entries),
          )),
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return left;
  }

  return (entries) => importDistinct(entries, (entry) => redisKeyOfExported(prefix, entry).redisKey, write);
}
