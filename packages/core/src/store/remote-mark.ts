import type { Policy } from "../algorithm/policy.js";
import type { SluiceError } from "../errors.js";
import type { MaybePromise } from "../maybe-promise.js";
import type { AsynchronousMark } from "./asynchronous-mark.js";
import type { BreakerOptions } from "./breaker.js";
import type { DenyCache, DenyCacheOptions } from "./deny-cache.js";
import type { Leave, Refusal } from "./flight.js";
import type { CallOptions, Claim, Store } from "./store.js";

/** The store that decides while another one fails. */
export interface FallbackOptions {
  /** Usually a store in memory, which answers at once. One that takes long, too, adds its time to the limiter's timeout. */
  store: Store;
  /**
   * The policies there, with the names of the limiter's and in their order; or a function that returns them, given the
   * limiter's. Default: the limiter's. With counts in each process, a limit for all of them is divided by their number.
   */
  policies?: Policy | readonly Policy[] | ((policies: readonly Policy[]) => Policy | readonly Policy[]) | undefined;
}

/** The failure options of a limiter. */
export interface FailureOptions {
  breaker?: BreakerOptions | false | undefined;
  denyCache?: DenyCacheOptions | false | undefined;
  fallback?: Store | FallbackOptions | undefined;
}

/** The options of a fallback that differ from those of its limiter. */
export interface SpareOptions extends Omit<FailureOptions, "fallback"> {
  readonly store: Store;
  readonly policies: Policy | readonly Policy[];
}

/** A limiter that another one uses as its fallback. */
export interface SpareLimiter<Key, Decision> {
  readonly policies: readonly Policy[];
  readonly claims: { all(key: Key, cost: number): readonly Claim[] };
  timing(): CallOptions;
  ask(asked: readonly Claim[], key: Key, cost: number, charge: boolean, calls: CallOptions): MaybePromise<Decision>;
}

/** Decides while the store of a limiter fails. */
export interface Fallback<Key, Decision, Spare> {
  readonly limiter: Spare;
  /** @param error the reason why the store does not decide */
  decide(key: Key, cost: number, charge: boolean, error: SluiceError): MaybePromise<Decision>;
}

/** How one limiter asks a {@link RemoteStoreMark | remote store}. */
export interface FailurePolicy<Key, Decision, Spare> {
  /** The store, asked through a circuit breaker. */
  readonly store: Store;
  readonly refusal: Refusal | undefined;
  /** `undefined` for a store whose parts have separate breakers. */
  readonly leave: Leave | undefined;
  /**
   * Starts the deadline of a call. Calls `passed` after it, a time of `performance.now()`; the function returned prevents that.
   */
  readonly startDeadline: (deadlineMs: number, passed: () => void) => () => void;
  /** Opens the limiter's part of the deny cache. */
  readonly openDenials: DenyCache["openFor"] | undefined;
  readonly fallback: Fallback<Key, Decision, Spare> | undefined;
}

/**
 * Opens the {@link FailurePolicy} of a store.
 *
 * @param policies those of the limiter
 * @param openSpare creates the limiter that decides while the store fails
 * @throws SluiceError for any option that is not what it should be
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
 * A store whose calls can fail or take long, as those over a network do: limiters ask it through a circuit breaker and
 * remember its denials. The mark is one object, so that a wrapper of the store's methods leaves it as it is.
 */
export interface RemoteStoreMark {
  readonly remote: RemoteMark;
}

/** The mark of a {@link RemoteStoreMark | remote store}. It brings the code, so that bundles without such a store do not have it. */
export interface RemoteMark {
  /**
   * Names the part of the store that has an entry, where parts fail apart from each other, as the servers of a cluster do.
   * Default: all of it is one part.
   */
  partOf?(entryKey: string): string;
  /** For a store that consists of others: returns the same with each of them replaced by `protect`. */
  protectParts?(protect: (store: Store) => Store): Store;
}

/** The code that a {@link RemoteMark} brings. */
export interface RemoteCode extends RemoteMark, AsynchronousMark {
  readonly failurePolicy: OpenFailurePolicy;
  /** The store, asked through a circuit breaker. */
  readonly askedThrough: (store: Store, breaker: BreakerOptions | false | undefined) => Store;
}

/** The code that the mark of a store brings. `undefined` for a store that is not remote, and for anything that is not a mark. */
export function remoteCodeOf(store: Store): RemoteCode | undefined {
  const remote = (store as Partial<RemoteStoreMark>).remote as RemoteCode | undefined;
  return typeof remote?.failurePolicy === "function" ? remote : undefined;
}

/** Returns whether a store is marked as remote. */
export function isRemote(store: Store): store is Store & RemoteStoreMark {
  return remoteCodeOf(store) !== undefined;
}
