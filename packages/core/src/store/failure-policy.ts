import type { Next } from "../algorithm/algorithm.js";
import type { Policy } from "../algorithm/policy.js";
import { invalidOption, type SluiceError } from "../errors.js";
import { after, type MaybePromise } from "../maybe-promise.js";
import { check, checkOptions, type Rules } from "../options.js";
import { createAsk } from "./ask.js";
import { asynchronous } from "./asynchronous.js";
import { type Breaker, type BreakerOptions, checkBreaker, createBreaker } from "./breaker.js";
import { can } from "./capabilities.js";
import { createDeadlines } from "./deadlines.js";
import { checkDenyCache, createDenyCache, type DenyCache, type DenyCacheOptions } from "./deny-cache.js";
import { entryKeyOf } from "./entry-key.js";
import type { Flight } from "./flight.js";
import {
  type FailurePolicy,
  type Fallback,
  type FallbackOptions,
  type RemoteCode,
  type RemoteMark,
  remoteCodeOf,
  type SpareLimiter,
  type SpareOptions,
} from "./remote-mark.js";
import { sharedTimers } from "./shared-timers.js";
import type { CallOptions, Claim, DecidingStore, Outcome, Store } from "./store.js";
import { updatingEngine } from "./updating-engine.js";

/** The state that limiters on one store share. */
interface Shared {
  readonly breakers: Map<string, Asked>;
  readonly caches: Map<string, DenyCache>;
}

/** A store that is called through a circuit breaker. */
interface Asked extends Partial<Pick<FailurePolicy<never, never, never>, "refusal" | "leave">> {
  readonly store: Store;
}

const byStore = new WeakMap<Store, Shared>();

/** The name of the part that is the whole store. */
const WHOLE = "";

const NO_OTHERS: readonly string[] = [];

const NO_OPTIONS: CallOptions = {};

const code: RemoteCode = {
  // Listed one by one: bundlers keep a spread even if nothing uses it.
  createAsk,
  createDeadlines,
  updatingEngine,

  failurePolicy(store, { breaker = {}, denyCache = {}, fallback }, policies, openSpare) {
    const denials = denyCache === false ? undefined : sharedCache(sharedOf(store), denyCache);
    const asked = askedThrough(store, breaker);
    return {
      store: asked.store,
      refusal: asked.refusal,
      leave: asked.leave,
      startDeadline: sharedTimers(),
      openDenials: denials?.openFor,
      fallback:
        fallback === undefined ? undefined : fallbackOf(openSpare(checkFallback(fallback, store, policies)), policies),
    };
  },

  askedThrough: (store, breaker) => askedThrough(store, breaker).store,
};

/**
 * Marks a store as remote, for authors of stores: its property `remote`. Stores of `createRemoteStore` have it already.
 *
 * @example
 * ```ts
 * import { type RemoteStoreMark, remote, type Store } from "@sluice/core/store";
 *
 * export function guarded(store: Store): Store & RemoteStoreMark {
 *   return { remote, ...store };
 * }
 * ```
 */
export const remote: RemoteMark = code;

function askedThrough(store: Store, breaker: BreakerOptions | false = {}): Asked {
  const shared = sharedOf(store);
  const asked = breaker === false ? { store } : sharedBreaker(shared, store, breaker);
  return { ...asked, store: clearing(asked.store, shared) };
}

function sharedOf(store: Store): Shared {
  const shared = byStore.get(store) ?? { breakers: new Map(), caches: new Map() };
  byStore.set(store, shared);
  return shared;
}

/** The options of a fallback that is not remote. */
const NO_FAILURES: Pick<SpareOptions, "breaker" | "denyCache"> = { breaker: undefined, denyCache: undefined };

const FALLBACK_RULES: Rules<FallbackOptions> = { store: "any", policies: "any" };

function checkFallback(given: Store | FallbackOptions, store: Store, policies: readonly Policy[]): SpareOptions {
  check("fallback", given, { is: isObject, must: "be a store, or an object with a store and policies" });
  const options = isStore(given) ? { store: given } : given;
  checkOptions(options, FALLBACK_RULES, "fallback");
  const { store: spare, policies: own = policies } = options;
  if (!isStore(spare)) throw invalidOption("fallback", spare, "be a store, such as memoryStore()");
  if (spare === store) throw invalidOption("fallback", spare, "differ from the limiter's store");
  return {
    store: spare,
    policies: typeof own === "function" ? own(policies) : own,
    ...(remoteCodeOf(spare) === undefined && NO_FAILURES),
  };
}

function fallbackOf<Key, Decision extends { readonly source: string }, Spare extends SpareLimiter<Key, Decision>>(
  limiter: Spare,
  policies: readonly Policy[],
): Fallback<Key, Decision, Spare> {
  const names = namesOf(policies);
  if (namesOf(limiter.policies) !== names) {
    throw invalidOption("fallback.policies", limiter.policies, `have the names ${names}, in this order`);
  }
  return {
    limiter,
    decide: (key, cost, charge, error) =>
      after(limiter.ask(limiter.claims.all(key, cost), key, cost, charge, limiter.timing()), (decision) =>
        // A decision that the fallback did not make already has an error.
        decision.source === "fallback" ? Object.assign(decision, { error }) : decision,
      ),
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function isStore(value: Store | FallbackOptions): value is Store {
  return typeof (value as Partial<Store> | undefined)?.atomicUpdate === "function";
}

function namesOf(policies: readonly Policy[]): string {
  return policies.map(({ name }) => JSON.stringify(name)).join(", ");
}

function sharedCache({ caches }: Shared, options: DenyCacheOptions): DenyCache {
  const numbers = checkDenyCache(options);
  const name = JSON.stringify(numbers);
  const cache = caches.get(name) ?? createDenyCache(numbers);
  caches.set(name, cache);
  return cache;
}

/** Limiters with the same options share a breaker, and so its knowledge of the store. */
function sharedBreaker({ breakers }: Shared, store: Store, options: BreakerOptions): Asked {
  const numbers = checkBreaker(options);
  const name = JSON.stringify(numbers);
  const protect = (one: Store): Asked => {
    const mark = remoteCodeOf(one);
    if (mark?.protectParts !== undefined) {
      return { store: mark.protectParts((part) => (remoteCodeOf(part) ? protect(part).store : part)) };
    }
    return breaking(one, createBreaker(numbers, can(one, "connectionError") ? () => one.connectionError() : undefined));
  };
  const asked = breakers.get(name) ?? protect(store);
  breakers.set(name, asked);
  return asked;
}

/** The store, called through a breaker. */
function breaking(store: Store, breaker: Breaker): Asked {
  const partOf = remoteCodeOf(store)?.partOf ?? (() => WHOLE);

  function refusal(claims: readonly Claim[], options: CallOptions, storeDecides: boolean): SluiceError | undefined {
    if (!breaker.isOpen()) return undefined;
    const part = partOf(entryKeyOf(claims[0] as Claim, storeDecides));
    for (let i = 1; i < claims.length; i++) {
      // The claims reach several parts, so only the call itself can find out.
      if (partOf(entryKeyOf(claims[i] as Claim, storeDecides)) !== part) return undefined;
    }
    return breaker.refusal(part, options);
  }

  function partOfClaim({ scope, key }: Claim): string {
    return partOf(scope + key);
  }

  function othersOf(claims: readonly Claim[], part: string): readonly string[] {
    if (claims.length === 1) return NO_OTHERS;
    const others = new Set(claims.map(partOfClaim));
    others.delete(part);
    return others.size === 0 ? NO_OTHERS : [...others];
  }

  function leave(claims: readonly Claim[], options: CallOptions, nowMs: number): Flight {
    const part = partOfClaim(claims[0] as Claim);
    return breaker.leave(part, othersOf(claims, part), options, nowMs);
  }

  const asked = passing(store, {
    async atomicUpdate(key, update, options = NO_OPTIONS) {
      return breaker.call(partOf(key), NO_OTHERS, options, (calls) => store.atomicUpdate(key, update, calls));
    },
    async delete(key, options = NO_OPTIONS) {
      return breaker.call(partOf(key), NO_OTHERS, options, (calls) => store.delete(key, calls));
    },
    decide(admission, options = NO_OPTIONS) {
      const part = partOfClaim(admission.claims[0] as Claim);
      return breaker.call(part, othersOf(admission.claims, part), options, (calls) =>
        (store as DecidingStore).decide(admission, calls),
      );
    },
  });
  return { store: asked, refusal, leave };
}

/** The store with writes that clear the remembered denials of their keys. */
function clearing(store: Store, { caches }: Shared): Store {
  const clear = (key: string): void => {
    for (const cache of caches.values()) cache.clear(key);
  };
  return passing(store, {
    async atomicUpdate<S>(
      key: string,
      update: (state: S | undefined, nowMs: number) => Next<S> | undefined,
      options?: CallOptions,
    ): Promise<S | undefined> {
      let writes = false;
      const watched = (state: S | undefined, nowMs: number): Next<S> | undefined => {
        const next = update(state, nowMs);
        writes ||= next !== undefined;
        return next;
      };
      try {
        return await store.atomicUpdate(key, watched, options);
      } finally {
        if (writes) clear(key);
      }
    },
    async delete(key, options) {
      try {
        await store.delete(key, options);
      } finally {
        clear(key);
      }
    },
    decide: (admission, options) => (store as DecidingStore).decide(admission, options),
  });
}

type Calls = Pick<Store, "atomicUpdate" | "delete"> & {
  decide(...args: Parameters<DecidingStore["decide"]>): MaybePromise<Outcome>;
};

function passing(store: Store, { decide, ...calls }: Calls): Store {
  const own: Store = { asynchronous, ...calls, close: () => store.close() };
  if (!can(store, "decide")) return own;
  const deciding: DecidingStore = { ...own, algorithms: store.algorithms, decide };
  return deciding;
}

/**
 * The store, called through a circuit breaker if it is remote.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function throughBreaker(store: Store, breaker: BreakerOptions | false | undefined): Store {
  return remoteCodeOf(store)?.askedThrough(store, breaker) ?? store;
}
