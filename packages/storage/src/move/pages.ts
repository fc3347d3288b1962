/** Splits items into groups of up to `size`. */
export async function* pagesOf<T>(things: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let page: T[] = [];
  for await (const thing of things) {
    page.push(thing);
    if (page.length === size) {
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}

/** Yields the same items, but requests each of them while the previous one is processed. */
export async function* readAhead<T>(things: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = things.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = things.next();
      // The next iteration rejects with this error. A caller that stops early does not need it.
      next.catch(() => {});
      yield value;
    }
  } finally {
    await things.return(undefined);
  }
}

/** Processes all items, a number of them at the same time. */
export async function forEachAtOnce<T>(
  things: readonly T[],
  atOnce: number,
  work: (thing: T) => Promise<void>,
): Promise<void> {
  const left = things.values();
  const takeTurns = async (): Promise<void> => {
    for (const thing of left) await work(thing);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, things.length) }, takeTurns));
}
