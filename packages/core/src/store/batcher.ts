import { SluiceError } from "../errors.js";

/** Options of {@link createBatcher}. */
export interface BatcherOptions<Item, Result> {
  /** Sends one batch. Resolves to one result for each item, in order; a rejection fails all of them. */
  run(items: readonly Item[]): Promise<readonly Result[]>;
  /** The most items in one batch. Default 256. */
  maxSize?: number;
  /** The most batches on their way at once. Default 2: one is decided while the next travels. */
  maxInFlight?: number;
}

/** Gathers concurrent calls into batches. */
export interface Batcher<Item, Result> {
  /**
   * Adds an item to the next batch. Rejects as the batch does, or with `STORE_TIMEOUT`, unsent, when `timeoutMs` have
   * passed before the batch leaves.
   */
  add(item: Item, timeoutMs?: number): Promise<Result>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly deadlineMs: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets concurrent calls share a round trip. Calls of the same turn of the event loop leave together; while
 * `maxInFlight` batches are on their way the next one fills, so batches grow with load and nothing waits when idle.
 *
 * @example
 * ```ts
 * import { createBatcher } from "@sluice/core";
 *
 * const lengths = createBatcher<string, number>({ run: async (texts) => texts.map((text) => text.length) });
 * await Promise.all([lengths.add("a"), lengths.add("bc")]); // one run
 * ```
 */
export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const { run, maxSize = 256, maxInFlight = 2 } = options;
  let queue: Waiting<Item, Result>[] = [];
  let inFlight = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || inFlight >= maxInFlight) return;
    scheduled = true;
    // Two hops: callers that go on after the same batch enqueue within one hop of each other.
    queueMicrotask(() => queueMicrotask(flush));
  }

  function flush(): void {
    scheduled = false;
    while (queue.length > 0 && inFlight < maxInFlight) {
      const batch = queue.length <= maxSize ? queue : queue.slice(0, maxSize);
      queue = queue.length <= maxSize ? [] : queue.slice(maxSize);
      const sendable = withoutLate(batch);
      if (sendable.length > 0) send(sendable);
    }
  }

  function withoutLate(batch: readonly Waiting<Item, Result>[]): readonly Waiting<Item, Result>[] {
    const nowMs = performance.now();
    return batch.filter((waiting) => {
      if (waiting.deadlineMs > nowMs) return true;
      waiting.reject(
        new SluiceError("STORE_TIMEOUT", "the store was too busy: the call's time was up before it was sent"),
      );
      return false;
    });
  }

  function send(batch: readonly Waiting<Item, Result>[]): void {
    inFlight++;
    let running: Promise<readonly Result[]>;
    try {
      running = run(batch.map((waiting) => waiting.item));
    } catch (error) {
      running = Promise.reject(error);
    }
    running.then(
      (results) => {
        settled();
        for (let i = 0; i < batch.length; i++) (batch[i] as Waiting<Item, Result>).resolve(results[i] as Result);
      },
      (error) => {
        settled();
        for (const waiting of batch) waiting.reject(error);
      },
    );
  }

  function settled(): void {
    inFlight--;
    if (queue.length > 0) schedule();
  }

  return {
    add(item, timeoutMs) {
      const deadlineMs = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
      return new Promise<Result>((resolve, reject) => {
        queue.push({ item, deadlineMs, resolve, reject });
        schedule();
      });
    },
  };
}
