import type { Finding, Next } from "../algorithm/algorithm.js";
import type { Policy } from "../algorithm/policy.js";
import { SluiceError, show } from "../errors.js";
import type { MaybePromise } from "../maybe-promise.js";

/** How much longer state that was written with an explicit time is kept: see {@link CallOptions.nowMs}. */
export const TEST_GRACE_MS = 3_600_000;

/** Options of one call to a store. */
export interface CallOptions {
  /**
   * Whole milliseconds that replace the store's clock, so that tests need not sleep. State written with it is kept longer
   * than its lifetime, because the clock by which the store expires it does not follow the test's clock.
   */
  nowMs?: number | undefined;
  /**
   * A time of `performance.now()` after which the caller no longer waits for the answer. If the call was not sent by then,
   * or can't be answered by then, it is not sent and rejects with `STORE_TIMEOUT`. All steps of one decision share one
   * deadline.
   */
  deadlineMs?: number | undefined;
  /** True if the call probes a store that was down: it is then sent immediately. Default false. */
  probe?: boolean | undefined;
}

/**
 * A store of state. All features of Sluice work with these three methods and a mark. A store that can decide in its
 * database adds {@link DecidingStore.decide}.
 *
 * The mark is the property `asynchronous`, or `remote` for a store whose calls can fail or take long (see
 * `RemoteStoreMark`). A {@link SynchronousStore} needs no mark.
 */
export interface Store {
  /** The mark `asynchronous` of `@sluice/core/store`. */
  readonly asynchronous?: object | undefined;
  /**
   * Atomically reads, modifies and writes the state under `key`. `update` gets the state (`undefined` if there is none or
   * it has expired) and the time by the store's clock. It returns the next state and its lifetime, or `undefined` to keep
   * the state. It may run more than once, so it must be pure. State is any JSON value, and keys are any strings.
   *
   * Resolves to the state after the call. Rejects with a `SluiceError` if the store failed. If the reply to a write was
   * lost, it is then unknown whether the write took place, and it is never sent again.
   */
  atomicUpdate<S>(
    key: string,
    update: (state: S | undefined, nowMs: number) => Next<S> | undefined,
    options?: CallOptions,
  ): Promise<S | undefined>;
  /** Deletes the state under `key`. Does nothing if there is none. */
  delete(key: string, options?: CallOptions): Promise<void>;
  /**
   * Releases resources that the store itself opened. A client that the user passed stays open. May be called twice.
   */
  close(): Promise<void>;
}

/** One demand on quota: `cost` units of `policy` for `key`. */
export interface Claim {
  /** Created by {@link scopeOf}. The state is the {@link Entry} under `scope + key`. */
  readonly scope: string;
  readonly key: string;
  readonly policy: Policy;
  /** A whole number of 1 or more. */
  readonly cost: number;
}

/**
 * A request for admission: one or more claims, which are granted together or not at all. No two have the same entry.
 */
export interface Admission {
  readonly claims: readonly Claim[];
  /** False to look only. The findings are those of a charge, but `remaining` and `resetAfterMs` are the current numbers. */
  readonly charge: boolean;
}

/** The result for one claim. */
export interface ClaimFinding extends Readonly<Finding> {
  /** True if the key is blocked, whatever the policy says. */
  readonly blocked: boolean;
}

/** The answer to an {@link Admission}. */
export interface Outcome {
  /** True if every claim fits. Only then, all of them were charged. */
  readonly allowed: boolean;
  /** The time by the clock that decided, in whole milliseconds. */
  readonly nowMs: number;
  /** One for each claim, in order. On a denial, a claim that fits has the numbers without a charge. */
  readonly findings: readonly ClaimFinding[];
}

/** A store that decides where the data is, in one round trip. */
export interface DecidingStore extends Store {
  /**
   * The algorithms that `decide` supports. The limiter uses `atomicUpdate` for others. `undefined` for a store that decides
   * in its process with {@link algorithmOf}: it supports all algorithms.
   */
  readonly algorithms?: ReadonlySet<string> | undefined;
  /**
   * Decides one admission atomically. A denial writes only repairs. The result must equal that of {@link decideEntries} on
   * the entries. `decide` must read and write entries in the form of `atomicUpdate`, so that both can work on the same
   * key. It must not fail because a repair can't be written.
   */
  decide(admission: Admission, options?: CallOptions): MaybePromise<Outcome>;
}

/** A store that decides in this process and without a promise. */
export interface SynchronousStore extends DecidingStore {
  readonly synchronous: true;
  /**
   * Must not keep the admission, because the limiter reuses it. It may return the same object each time, because the
   * limiter reads the outcome before its next call. A wrapper that returns promises has to copy both and needs the mark
   * `asynchronous`.
   */
  decide(admission: Admission, options?: CallOptions): Outcome;
}

/** Returns whether a store is a {@link SynchronousStore}. */
function isSynchronousStore(store: Store): store is SynchronousStore {
  return (store as Partial<SynchronousStore>).synchronous === true;
}

/**
 * Returns a store if it has the methods of one.
 *
 * @param option the name of the option in errors. Default: the store is the first argument of a function
 * @throws SluiceError `INVALID_STORE`
 */
export function checkStore<S extends Store>(store: S, option?: string): S {
  const methods = ["atomicUpdate", "delete", "close"] as const;
  const missing = methods.filter((method) => typeof store?.[method] !== "function");
  if (missing.length === 0) {
    if (isSynchronousStore(store) || markIn(store) !== undefined) return store;
    throw new SluiceError(
      "INVALID_STORE",
      'a store must have a mark: import { asynchronous } from "@sluice/core/store" and return { asynchronous, ...store }; ' +
        "a store whose calls can fail or take long has `remote` instead",
    );
  }
  const given = isRequest(store) ? "a request: call rateLimit when the app starts" : show(store);
  const where = option === undefined ? "" : `option "${option}": `;
  throw new SluiceError(
    "INVALID_STORE",
    `${where}a store must have ${missing.join(", ")}, got ${given}. Pass a store first, such as memoryStore() of @sluice/store-memory: ` +
      'rateLimit(memoryStore(), fixedWindow({ limit: 100, window: "1m" })), createLimiter({ store: memoryStore() })',
  );
}

/**
 * The mark of a store: see `AsynchronousMark`. `undefined` for a store without a mark, even if it has other values in these
 * properties.
 */
export function markIn(store: Store): object | undefined {
  const { remote, asynchronous } = store as { readonly remote?: unknown; readonly asynchronous?: unknown };
  return [remote, asynchronous].find(isMark);
}

function isMark(value: unknown): value is object {
  return typeof (value as { createAsk?: unknown } | null | undefined)?.createAsk === "function";
}

/** Returns whether a framework called `rateLimit` as if it were middleware. Koa and Hono pass a context that has a request. */
function isRequest(value: unknown): boolean {
  const { method, req } = (value ?? {}) as { method?: unknown; req?: unknown };
  return method !== undefined || req !== undefined;
}
