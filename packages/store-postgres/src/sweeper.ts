/** How many pages one statement looks at: a megabyte, which takes some milliseconds. */
const PAGES = 128;

/** Removes entries from some pages; resolves to the entries removed and the pages that there are. */
export type SweepPages = (
  firstPage: number,
  pages: number,
  most: number,
) => Promise<readonly [removed: number, pages: number]>;

/** Removes up to `limit` expired entries and resolves to their count. Goes on where the last call ended. */
export type Sweeper = (limit: number) => Promise<number>;

export function createSweeper(sweepPages: SweepPages): Sweeper {
  let page = 0;

  return async (limit) => {
    let removed = 0;
    for (let seen = 0, pages = 1; seen < pages && removed < limit; ) {
      const most = limit - removed;
      const [count, all] = await sweepPages(page, PAGES, most);
      removed += count;
      pages = all;
      // There may be more on these pages.
      if (count === most) break;
      seen += PAGES;
      page = page + PAGES < pages ? page + PAGES : 0;
    }
    return removed;
  };
}
