import { SluiceError } from "../errors.js";
import type { MaybePromise } from "../maybe-promise.js";
import { startQuietTimer, type Timer } from "../timer.js";
import { storeTimeout } from "./deadlines.js";
import { createPace, unpaced } from "./pace.js";
import { hasRequestContexts, outsideRequests } from "./request-context.js";

/** Options of {@link createBatcher}. */
export interface BatcherOptions<Item, Result> {
  /**
   * Sends one batch. Resolves to one result for each item, in order. An item that failed alone has an error as result, and
   * a rejection fails all items. A result that takes longer than the batch may be a promise. No caller waits after
   * `deadlineMs`, a time of `performance.now()`.
   */
  run(items: readonly Item[], deadlineMs: number): Promise<readonly (MaybePromise<Result> | SluiceError)[]>;
  /** The most items in one batch. Default 256. */
  maxSize?: number | undefined;
  /**
   * The most batches in flight at once. Two are sent without waiting. More are sent only while the store takes long to
   * answer. Default 32.
   */
  maxInFlight?: number | undefined;
  /**
   * If there are more items than this, they are divided among the batches that may be sent, for a database that works on
   * several at once. Default `maxSize`: they are sent together.
   */
  worthSplitting?: number | undefined;
}

/** Gathers concurrent calls into batches. */
export interface Batcher<Item, Result> {
  /**
   * Adds an item to the next batch. Rejects as its batch does. Rejects with `STORE_TIMEOUT`, without sending, if no answer
   * is possible by `deadlineMs`, a time of `performance.now()`. Default: no deadline.
   *
   * @param probe true to send it immediately, even to a store that is down
   */
  add(item: Item, deadlineMs?: number, probe?: boolean): Promise<Result>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly deadlineMs: number;
  readonly resolve: (result: MaybePromise<Result>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets concurrent calls share a round trip. Calls of one turn of the event loop are sent together, and the next batch fills
 * while others are in flight. So batches grow with load, and nothing waits when idle.
 *
 * A call is rejected unsent if the store can't answer it by its deadline. A batch without an answer by the deadlines of its
 * calls no longer delays later batches. A store that does not answer, or fails batch after batch, is probed by single
 * calls. If it fails batch after batch, all other calls reject immediately with the last error. Batches run outside every
 * request's AsyncLocalStorage. On Workers, where I/O belongs to a request, the calls of one request are sent immediately
 * and separately.
 *
 * @example
 * ```ts
 * import { createBatcher } from "@sluice/core/store";
 *
 * const lengths = createBatcher<string, number>({ run: async (texts) => texts.map((text) => text.length) });
 * await Promise.all([lengths.add("a"), lengths.add("bc")]); // one run
 * ```
 */
export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const { run, maxSize = 256, maxInFlight = 32, worthSplitting = maxSize } = options;
  const pace = hasRequestContexts() ? unpaced(maxSize) : createPace({ maxSize, maxInFlight, worthSplitting });
  let queue: Waiting<Item, Result>[] = [];
  const probes: Waiting<Item, Result>[] = [];
  let earliestDeadlineMs = Number.POSITIVE_INFINITY;
  let scheduled = false;
  let lastError: unknown;
  let timer: Timer | undefined;
  let timerMs = Number.POSITIVE_INFINITY;

  /** Uses promises: fake timers replace `queueMicrotask`, timers and immediates, but never promises. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    // Waits two promise jobs: callers that continue after the same batch add their calls within one job of each other.
    void Promise.resolve()
      .then(() => {})
      .then(flush);
  }

  function flush(): void {
    scheduled = false;
    const nowMs = performance.now();
    for (const probe of probes.splice(0)) outsideRequests(() => send([probe], nowMs));
    refuseLate(nowMs);
    while (queue.length > 0) {
      const waitMs = pace.waitMs(nowMs);
      if (waitMs > 0) {
        if (pace.failing && pace.idle) failAll();
        else flushAt(nowMs, Math.min(nowMs + waitMs, earliestDeadlineMs));
        return;
      }
      const batch = takeBatch();
      outsideRequests(() => send(batch, nowMs));
    }
  }

  function takeBatch(): readonly Waiting<Item, Result>[] {
    // The latest call becomes the probe, because it has the most time left for an answer.
    if (pace.probing) return queue.splice(-1);
    const size = pace.sizeFor(queue.length);
    const batch = queue.slice(0, size);
    queue = queue.slice(size);
    return batch;
  }

  /** Between two probes, rejects all calls to a store whose calls fail immediately. */
  function failAll(): void {
    const failed = queue;
    queue = [];
    for (const waiting of failed) waiting.reject(lastError);
  }

  /** Calls `flush` in case no answer does so earlier. */
  function flushAt(nowMs: number, atMs: number): void {
    if (atMs >= timerMs && timerMs > nowMs) return;
    clearTimeout(timer);
    timerMs = atMs;
    timer = startQuietTimer(
      () => {
        timerMs = Number.POSITIVE_INFINITY;
        flush();
      },
      Math.max(1, Math.ceil(atMs - nowMs)),
    );
  }

  /**
   * Rejects calls that are too late. Does so even while nothing can be sent: in an outage, only calls whose callers wait
   * stay queued.
   */
  function refuseLate(nowMs: number): void {
    const hopelessMs = pace.hopelessMs(nowMs);
    if (earliestDeadlineMs > hopelessMs) return;
    earliestDeadlineMs = Number.POSITIVE_INFINITY;
    // If nothing else would show whether the store has become faster, one call is sent although it may be late.
    let mayProbe = pace.idle;
    queue = queue.filter((waiting) => {
      const { deadlineMs } = waiting;
      if (deadlineMs > hopelessMs || (mayProbe && deadlineMs > nowMs)) {
        if (deadlineMs <= hopelessMs) mayProbe = false;
        earliestDeadlineMs = Math.min(earliestDeadlineMs, deadlineMs);
        return true;
      }
      waiting.reject(storeTimeout("the store is too slow or too busy to answer in time; the call was not sent"));
      return false;
    });
  }

  function send(batch: readonly Waiting<Item, Result>[], nowMs: number): void {
    let deadlineMs = 0;
    for (const waiting of batch) deadlineMs = Math.max(deadlineMs, waiting.deadlineMs);
    const ended = pace.sent(nowMs, deadlineMs);
    const settled = (answered: boolean): void => {
      ended(performance.now(), answered);
      if (queue.length > 0) schedule();
    };
    let running: Promise<readonly (MaybePromise<Result> | SluiceError)[]>;
    try {
      running = run(
        batch.map(({ item }) => item),
        deadlineMs,
      );
    } catch (error) {
      running = Promise.reject(error);
    }
    running.then(
      (results) => {
        settled(true);
        for (let i = 0; i < batch.length; i++) {
          const waiting = batch[i] as Waiting<Item, Result>;
          const result = results[i] as MaybePromise<Result> | SluiceError;
          if (result instanceof SluiceError) waiting.reject(result);
          else waiting.resolve(result);
        }
      },
      (error) => {
        lastError = error;
        settled(false);
        for (const waiting of batch) waiting.reject(error);
      },
    );
  }

  return {
    add(item, deadlineMs = Number.POSITIVE_INFINITY, probe = false) {
      return new Promise<Result>((resolve, reject) => {
        if (probe) {
          probes.push({ item, deadlineMs, resolve, reject });
          schedule();
          return;
        }
        queue.push({ item, deadlineMs, resolve, reject });
        earliestDeadlineMs = Math.min(earliestDeadlineMs, deadlineMs);
        schedule();
      });
    },
  };
}
