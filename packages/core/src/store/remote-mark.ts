import type { Policy } from "../algorithm/policy.js";
import type { SluiceError } from "../errors.js";
import type { MaybePromise } from "../maybe-promise.js";
import type { AsynchronousMark } from "./asynchronous-mark.js";
import type { BreakerOptions } from "./breaker.js";
import type { DenyCache, DenyCacheOptions } from "./deny-cache.js";
import type { Leave, Refusal } from "./flight.js";
import type { CallOptions, Claim, Store } from "./store.js";

/** The store that decides while the limiter's own store fails. */
export interface FallbackOptions {
  /** Usually a memory store. If a slower store is used, its time is added to the limiter's timeout. */
  store: Store;
  /**
   * The policies of the fallback, with the same names and in the same order as the limiter's, or a function that returns
   * them from the limiter's. Default: the limiter's. If each process counts separately, divide a common limit by their
   * number.
   */
  policies?: Policy | readonly Policy[] | ((policies: readonly Policy[]) => Policy | readonly Policy[]) | undefined;
}

/** The failure options of a limiter. */
export interface FailureOptions {
  breaker?: BreakerOptions | false | undefined;
  denyCache?: DenyCacheOptions | false | undefined;
  fallback?: Store | FallbackOptions | undefined;
}

/** The options of a fallback that replace those of its limiter. */
export interface SpareOptions extends Omit<FailureOptions, "fallback"> {
  readonly store: Store;
  readonly policies: Policy | readonly Policy[];
}

/** A limiter that is the fallback of another one. */
export interface SpareLimiter<Key, Decision> {
  readonly policies: readonly Policy[];
  readonly claims: { all(key: Key, cost: number): readonly Claim[] };
  timing(): CallOptions;
  ask(asked: readonly Claim[], key: Key, cost: number, charge: boolean, calls: CallOptions): MaybePromise<Decision>;
}

/** Decides while a limiter's store fails. */
export interface Fallback<Key, Decision, Spare> {
  readonly limiter: Spare;
  /** @param error the reason why the store does not decide */
  decide(key: Key, cost: number, charge: boolean, error: SluiceError): MaybePromise<Decision>;
}

/** How a limiter calls a {@link RemoteStoreMark | remote store}. */
export interface FailurePolicy<Key, Decision, Spare> {
  /** The store, called through a circuit breaker. */
  readonly store: Store;
  readonly refusal: Refusal | undefined;
  /** `undefined` for a store whose parts have separate breakers. */
  readonly leave: Leave | undefined;
  /**
   * Starts the deadline of a call, and calls `passed` after it. `deadlineMs` is a time of `performance.now()`. Returns a
   * function that cancels the call of `passed`.
   */
  readonly startDeadline: (deadlineMs: number, passed: () => void) => () => void;
  /** Opens the limiter's part of the deny cache. */
  readonly openDenials: DenyCache["openFor"] | undefined;
  readonly fallback: Fallback<Key, Decision, Spare> | undefined;
}

/**
 * Opens the {@link FailurePolicy} of a store.
 *
 * @param policies the limiter's policies
 * @param openSpare creates the limiter that decides while the store fails
 * @throws SluiceError for any invalid option
 */
export type OpenFailurePolicy = <
  Key,
  Decision extends { readonly source: string; readonly error?: SluiceError },
  Spare extends SpareLimiter<Key, Decision>,
>(
  store: Store,
  options: FailureOptions,
  policies: readonly Policy[],
  openSpare: (own: SpareOptions) => Spare,
) => FailurePolicy<Key, Decision, Spare>;

/**
 * A store whose calls can fail or take long, such as calls over a network. Limiters call it through a circuit breaker and
 * remember its denials. The mark is one object, so that a wrapper of the store's methods can copy it unchanged.
 */
export interface RemoteStoreMark {
  readonly remote: RemoteMark;
}

/**
 * The mark of a {@link RemoteStoreMark | remote store}. It supplies the code, so bundles without such a store do not
 * contain it.
 */
export interface RemoteMark {
  /**
   * Names the part of the store that has an entry, for a store whose parts can fail separately, such as the servers of a
   * cluster. Default: the store is one part.
   */
  partOf?(entryKey: string): string;
  /** For a store that consists of other stores: returns a copy of it with each part replaced by `protect(part)`. */
  protectParts?(protect: (store: Store) => Store): Store;
}

/** The code that a {@link RemoteMark} supplies. */
export interface RemoteCode extends RemoteMark, AsynchronousMark {
  readonly failurePolicy: OpenFailurePolicy;
  /** The store, called through a circuit breaker. */
  readonly askedThrough: (store: Store, breaker: BreakerOptions | false | undefined) => Store;
}

/** The code that the mark of a store supplies. `undefined` if the store is not remote or its property is not a mark. */
export function remoteCodeOf(store: Store): RemoteCode | undefined {
  const remote = (store as Partial<RemoteStoreMark>).remote as RemoteCode | undefined;
  return typeof remote?.failurePolicy === "function" ? remote : undefined;
}

/** Returns whether a store is marked as remote. */
export function isRemote(store: Store): store is Store & RemoteStoreMark {
  return remoteCodeOf(store) !== undefined;
}
