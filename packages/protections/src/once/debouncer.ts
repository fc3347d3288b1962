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
  /** How long after the first call everything with the same key and fingerprint is a duplicate. */
  window: Duration;
  /**
   * The answer if the store fails. False: {@link Debouncer.seen} rejects, since a client that gets "duplicate" assumes
   * that the work is done, which is unknown. True: nothing is a duplicate, so that all work is done, and some perhaps
   * twice. Default false.
   */
  failOpen?: boolean | undefined;
}

/** The result of a debouncer for one request. */
export interface Sighting {
  /** True if the same was seen within the window. */
  readonly duplicate: boolean;
  /** The time until the window ends, for a duplicate as for the first call; 0 if the store did not answer. */
  readonly windowEndsInMs: number;
}

/** Detects requests that were seen before. */
export interface Debouncer {
  /** The limit of one in each window; its name is `"debounce"`. */
  readonly policy: FixedWindowPolicy;
  /** Starts every stored key. */
  readonly prefix: string;
  /**
   * Returns whether the same key and fingerprint were seen within the window. The first call opens the window; repeats
   * neither extend it nor write anything. Of any number of processes that call it at once, one gets false.
   *
   * @throws SluiceError `INVALID_KEY`; `STORE_FAILED`, `STORE_TIMEOUT` and their like unless the debouncer is `failOpen`
   */
  seen(key: string, fingerprint?: string): Promise<boolean>;
  /** {@link Debouncer.seen} with all that is known; at once where the store answers at once. */
  look(key: string, fingerprint?: string): MaybePromise<Sighting>;
  /** The debouncer's part in an admission that it shares with limiters, for a check of a guard: see `join` of a limiter. */
  join(key: string, fingerprint?: string): Participant;
  /**
   * Closes the window, so that the next request counts as the first one: for work that failed and is to be retried.
   *
   * @throws SluiceError `INVALID_KEY`, and the store's
   */
  forget(key: string, fingerprint?: string): Promise<void>;
  /** Refuses further calls. The store stays open. */
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

/** The name of a debouncer's policy, which no other policy with its prefix may have. */
export const DEBOUNCE = "debounce";

/**
 * Creates a debouncer: it detects a request that was seen before within a window, such as a double click, or a retry of
 * a request that had succeeded. One round trip on every store, shared with concurrent decisions.
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
  // A fixed window starts with its first grant, and a denial writes nothing: nothing else is needed.
  const policy = fixedWindow({ name: DEBOUNCE, limit: 1, window });
  // Another process may forget what was seen, so a denial is not remembered.
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
