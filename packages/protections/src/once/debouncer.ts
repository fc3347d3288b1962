import {
  compositeKey,
  createLimiter,
  type Decision,
  type Duration,
  type FixedWindowPolicy,
  fixedWindow,
  type LimiterOptions,
  type MaybePromise,
  type Participant,
  SluiceError,
} from "@sluice/core";
import { after } from "@sluice/core/http";
import { checkOptions, type Rules } from "@sluice/core/store";
import { checkKey } from "../key.js";

/** Options of {@link createDebouncer}. */
export interface DebouncerOptions extends Omit<LimiterOptions, "policies" | "algorithms" | "autoBlock" | "denyCache"> {
  /** The time after the first call during which a call with the same key and fingerprint is a duplicate. */
  window: Duration;
  /**
   * False: {@link Debouncer.seen} rejects if the store fails, because a client that is denied as a duplicate assumes that
   * the work is done. True: nothing is then a duplicate, so all work is done, and some perhaps twice. Default false.
   */
  failOpen?: boolean | undefined;
}

/** The result of a debouncer for one request. */
export interface Sighting {
  /** True if the same request was seen within the window. */
  readonly duplicate: boolean;
  /** The time until the window ends, for the first call and for duplicates. 0 if the store did not answer. */
  readonly windowEndsInMs: number;
}

/** Detects requests that were seen before. */
export interface Debouncer {
  /** The policy: one request in each window. Its name is `"debounce"`. */
  readonly policy: FixedWindowPolicy;
  /** The start of every stored key. */
  readonly prefix: string;
  /**
   * Returns whether the same key and fingerprint were seen within the window. The first call opens the window. Repeats
   * neither extend it nor write anything. If several processes call it at the same time, only one of them gets false.
   *
   * @throws SluiceError `INVALID_KEY`, and store errors such as `STORE_FAILED` or `STORE_TIMEOUT` unless it is `failOpen`
   */
  seen(key: string, fingerprint?: string): Promise<boolean>;
  /** Like {@link Debouncer.seen}, with the full result. Returns no promise if the store needs none. */
  look(key: string, fingerprint?: string): MaybePromise<Sighting>;
  /** The debouncer's part in an admission shared with limiters, for a check of a guard: see `join` of a limiter. */
  join(key: string, fingerprint?: string): Participant;
  /**
   * Closes the window, so that the next request counts as the first one. Use it if the work failed and may be retried.
   *
   * @throws SluiceError `INVALID_KEY`, and errors of the store
   */
  forget(key: string, fingerprint?: string): Promise<void>;
  /** Rejects further calls. The store stays open. */
  close(): Promise<void>;
}

/** The rules of {@link DebouncerOptions}. The limiter checks the values of most options. */
export const DEBOUNCER_RULES: Rules<DebouncerOptions> = {
  store: "any",
  window: "any",
  prefix: "any",
  fallback: "any",
  failOpen: "boolean",
  timeout: "any",
  breaker: "any",
  on: "any",
  clock: "any",
};

/** The policy name of a debouncer. No other policy with its prefix may have it. */
export const DEBOUNCE = "debounce";

/**
 * Creates a debouncer. It detects a repeated request within a window, such as a double click or a retry of a request that
 * had succeeded. It takes one round trip on every store, shared with concurrent decisions.
 *
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { createDebouncer } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const debouncer = createDebouncer({ store: memoryStore(), window: "5s" });
 * if (await debouncer.seen("user-123", "order 42")) console.log("we have that one already");
 * ```
 */
export function createDebouncer(options: DebouncerOptions): Debouncer {
  checkOptions(options, DEBOUNCER_RULES, "createDebouncer");
  const { window, ...limiterOptions } = options;
  // A fixed window starts with its first grant, and a denial writes nothing, which is all that is needed.
  const policy = fixedWindow({ name: DEBOUNCE, limit: 1, window });
  // Another process may forget a request, so a denial must not be remembered.
  const limiter = createLimiter({ ...limiterOptions, policies: policy, denyCache: false });

  const debouncer: Debouncer = {
    policy,
    prefix: limiter.prefix,
    async seen(key, fingerprint) {
      return (await debouncer.look(key, fingerprint)).duplicate;
    },
    look(key, fingerprint) {
      return after(limiter.decide(debounceKey(key, fingerprint)), sightingOf);
    },
    join: (key, fingerprint) => limiter.join(debounceKey(key, fingerprint)),
    forget: async (key, fingerprint) => limiter.reset(debounceKey(key, fingerprint)),
    close: () => limiter.close(),
  };
  return debouncer;
}

/** @throws SluiceError `INVALID_KEY` */
function debounceKey(key: string, fingerprint: string | undefined): string {
  checkKey(key, "key");
  return fingerprint === undefined ? compositeKey(key) : compositeKey(key, fingerprint);
}

/** The result of a debouncer's decision. @throws SluiceError the store's error, if the debouncer fails closed */
function sightingOf({ allowed, source, resetAfterMs, error }: Decision): Sighting {
  if (source !== "failClosed") return { duplicate: !allowed, windowEndsInMs: resetAfterMs };
  if (error instanceof SluiceError) throw error;
  throw new SluiceError("STORE_FAILED", "the store failed", { cause: error });
}
