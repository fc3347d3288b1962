import { SluiceError } from "../errors.js";

/** Options of {@link createBatcher}. */
export interface BatcherOptions<Item, Result> {
  /**
   * Sends one batch. Resolves to one result for each item, in order, or to an error for an item that failed alone; a
   * rejection fails all of them.
   */
  run(items: readonly Item[]): Promise<readonly (Result | SluiceError)[]>;
  /** The most items in one batch. Default 256. */
  maxSize?: number;
  /** The most batches on their way at once. Default 2: one is decided while the next travels. */
  maxInFlight?: number;
  /**
   * More items than this are shared out over the batches that can leave, for a database that works on several at once.
   * Default `maxSize`: they leave together.
   */
  worthSplitting?: number;
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
  const { run, maxSize = 256, maxInFlight = 2, worthSplitting = maxSize } = options;
  let queue: Waiting<Item, Result>[] = [];
  let earliestDeadlineMs = Number.POSITIVE_INFINITY;
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
    dropLate(performance.now());
    while (queue.length > 0 && inFlight < maxInFlight) {
      const share = Math.ceil(queue.length / (maxInFlight - inFlight));
      const size = Math.min(maxSize, Math.max(share, worthSplitting));
      const batch = queue.slice(0, size);
      queue = queue.slice(size);
      send(batch);
    }
  }

  /** Also while nothing can be sent: in an outage the queue holds no more than what is still waited for. */
  function dropLate(nowMs: number): void {
    if (earliestDeadlineMs > nowMs) return;
    earliestDeadlineMs = Number.POSITIVE_INFINITY;
    queue = queue.filter((waiting) => {
      if (waiting.deadlineMs > nowMs) {
        earliestDeadlineMs = Math.min(earliestDeadlineMs, waiting.deadlineMs);
        return true;
      }
      waiting.reject(
        new SluiceError("STORE_TIMEOUT", "the store was too busy: the call's time was up before it was sent"),
      );
      return false;
    });
  }

  function send(batch: readonly Waiting<Item, Result>[]): void {
    inFlight++;
    let running: Promise<readonly (Result | SluiceError)[]>;
    try {
      running = run(batch.map((waiting) => waiting.item));
    } catch (error) {
      running = Promise.reject(error);
    }
    running.then(
      (results) => {
        settled();
        for (let i = 0; i < batch.length; i++) {
          const waiting = batch[i] as Waiting<Item, Result>;
          const result = results[i] as Result | SluiceError;
          if (result instanceof SluiceError) waiting.reject(result);
          else waiting.resolve(result);
        }
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
      const nowMs = performance.now();
      const deadlineMs = timeoutMs === undefined ? Number.POSITIVE_INFINITY : nowMs + timeoutMs;
      if (inFlight >= maxInFlight) dropLate(nowMs);
      return new Promise<Result>((resolve, reject) => {
        queue.push({ item, deadlineMs, resolve, reject });
        earliestDeadlineMs = Math.min(earliestDeadlineMs, deadlineMs);
        schedule();
      });
    },
  };
}
