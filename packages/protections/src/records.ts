import {
  type BreakerOptions,
  type CallOptions,
  type Clock,
  type Duration,
  type Next,
  parseDuration,
  SluiceError,
  type Store,
} from "@sluice/core";
import type { Outage } from "@sluice/core/http";
import { createDeadlines, type RecordKind, scopeOf, throughBreaker } from "@sluice/core/kit";
import { can, checkStore, type Rules, unreadableState } from "@sluice/core/store";

/** Options of all protections that keep records. */
export interface RecordOptions {
  /** The store of the records. Processes with the same store and prefix share them. */
  store: Store;
  /** The start of every stored key: 1 to 128 printable ASCII characters. Default `"sluice"`. */
  prefix?: string | undefined;
  /** The longest that a call waits for the store. Default `"500ms"`. */
  timeout?: Duration | undefined;
  /**
   * The circuit breaker: rejects calls immediately while the store is down. Shared with limiters on the same store. Default
   * for remote stores: opens after 5 failures in a row, and probes every 500 ms.
   */
  breaker?: BreakerOptions | false | undefined;
  /** For tests: replaces the store's clock. */
  clock?: Clock | undefined;
}

/** The rules of {@link RecordOptions}. */
export const RECORD_RULES: Rules<RecordOptions> = {
  store: "any",
  prefix: { characters: 128 },
  timeout: "any",
  breaker: "any",
  clock: {
    is: (clock) => typeof (clock as Partial<Clock> | null)?.nowMs === "function",
    must: "have the functions nowMs and sleep",
  },
};

/** A record that was read or written, and the time by the store's clock. */
export interface Found<R> {
  readonly record: R | undefined;
  readonly nowMs: number;
}

/** Records of one kind, each under a key. All methods may reject with a `SluiceError`, within the timeout. */
export interface Records<R> {
  read(key: string): Promise<Found<R>>;
  /**
   * Changes a record. `change` must be pure, because it may run more than once. If it returns `undefined` or throws, the
   * record does not change. If it throws, the update rejects with that error.
   */
  update(key: string, change: (record: R | undefined, nowMs: number) => Next<R> | undefined): Promise<Found<R>>;
  remove(key: string): Promise<void>;
  /** Lists all records, if the store can. @throws SluiceError `NOT_LISTABLE` */
  list(): Promise<readonly R[]>;
  /** Local time that advances like the store's clock, for values remembered in this process. */
  nowMs(): number;
  /** The longest that a call takes. */
  readonly timeoutMs: number;
}

/** A stored record: the version of this form, and the record. */
type Stored<R> = readonly [version: 1, record: R];

/** Timers take 31 bits of milliseconds. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Opens the records of one kind.
 *
 * @param options already checked by {@link RECORD_RULES}, except the store and the timeout
 * @param kind part of every stored key, by which a move knows how to merge two records
 * @param outages is notified of each call that the store answered or failed
 * @throws SluiceError for invalid options
 */
export function openRecords<R>(
  options: RecordOptions,
  kind: RecordKind,
  outages: Pick<Outage, "failed" | "succeeded">,
): Records<R> {
  const { store, prefix = "sluice", timeout = 500, breaker, clock } = options;
  checkStore(store);
  const asked = throughBreaker(store, breaker);
  const timeoutMs = parseDuration(timeout, "timeout", MAX_TIMEOUT_MS);
  const deadlines = createDeadlines(
    timeoutMs,
    can(store, "connectionError") ? () => store.connectionError() : undefined,
  );
  // Not the scope of any policy: no algorithm has this name.
  const scope = scopeOf(prefix, { name: kind, algorithm: "record" });

  function calling(): CallOptions {
    const deadlineMs = deadlines.next();
    return clock === undefined ? { deadlineMs } : { deadlineMs, nowMs: clock.nowMs() };
  }

  /** Limits work to the deadline of its call, and reports outages. */
  async function reported<T>(work: Promise<T>, calls: CallOptions, isOurs: () => boolean): Promise<T> {
    try {
      const value = await deadlines.within(work, calls.deadlineMs);
      outages.succeeded();
      return value;
    } catch (error) {
      if (isOurs()) outages.succeeded();
      else outages.failed(error as SluiceError);
      throw error;
    }
  }

  async function update(
    key: string,
    change: (record: R | undefined, nowMs: number) => Next<R> | undefined,
  ): Promise<Found<R>> {
    let seenMs = 0;
    let thrown: { readonly error: unknown } | undefined;
    const calls = calling();
    const work = asked.atomicUpdate<Stored<R>>(
      scope + key,
      (stored, nowMs) => {
        seenMs = nowMs;
        const next = tryChange(recordIn(stored), nowMs);
        return next && { state: [1, next.state], ttlMs: next.ttlMs };
      },
      calls,
    );
    try {
      const record = recordIn(await reported(work, calls, () => thrown !== undefined));
      return { record, nowMs: seenMs };
    } catch (error) {
      // The store may have wrapped the error.
      throw thrown === undefined ? error : thrown.error;
    }

    function tryChange(record: R | undefined, nowMs: number): Next<R> | undefined {
      try {
        return change(record, nowMs);
      } catch (error) {
        thrown = { error };
        throw error;
      }
    }
  }

  return {
    update,
    read: (key) => update(key, () => undefined),
    remove(key) {
      const calls = calling();
      return reported(asked.delete(scope + key, calls), calls, () => false);
    },
    async list() {
      if (!can(store, "exportEntries")) {
        throw new SluiceError("NOT_LISTABLE", `the store can't list its entries, so there is no list of ${kind}`);
      }
      const records: R[] = [];
      for await (const { key, state } of store.exportEntries()) {
        if (key.startsWith(scope)) records.push(recordIn(state as Stored<R>) as R);
      }
      return records;
    },
    timeoutMs,
    nowMs: clock === undefined ? () => performance.now() : () => clock.nowMs(),
  };
}

function recordIn<R>(stored: Stored<R> | undefined): R | undefined {
  if (stored === undefined) return undefined;
  if (!Array.isArray(stored) || stored[0] !== 1) throw unreadableState();
  return stored[1];
}
