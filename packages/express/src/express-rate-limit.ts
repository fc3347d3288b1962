/**
 * Lets express-rate-limit keep its counts in a Sluice store: a first step for apps that migrate. The store also fits
 * express-slow-down and hono-rate-limiter, whose stores have the same methods.
 *
 * @example
 * ```ts
 * import { toExpressRateLimitStore } from "@sluice/express/express-rate-limit";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 * import { rateLimit } from "express-rate-limit";
 *
 * const app = express();
 * const store = toExpressRateLimitStore(memoryStore(), { prefix: "api" });
 * app.use(rateLimit({ windowMs: 60_000, limit: 100, store }));
 * ```
 *
 * @module
 */
import { type Duration, parseDuration, SluiceError, type Store } from "@sluice/core";
import { type BreakerOptions, checkOptions, throughBreaker } from "@sluice/core/http";

/** Options of {@link toExpressRateLimitStore}. */
export interface ExpressRateLimitStoreOptions {
  /**
   * The start of every stored key. Each middleware on one store needs a separate prefix, or they share their counts.
   * Default `"express-rate-limit"`.
   */
  prefix?: string | undefined;
  /** The longest that express-rate-limit waits for the store. Default `"500ms"`. */
  timeout?: Duration | undefined;
  /**
   * Stops calls to a remote store that is down, like the option `breaker` of `createLimiter`. `false` turns it off. Default
   * `{ failures: 5, cooldown: "500ms" }`.
   */
  breaker?: BreakerOptions | false | undefined;
}

/** The hits of a client in its current window. */
export interface ClientHits {
  totalHits: number;
  /** When the window ends, by the clock of this process. */
  resetTime: Date;
}

/** A store in the form that express-rate-limit uses. */
export interface ExpressRateLimitStore {
  /** Sets the length of the window. Called by express-rate-limit. */
  init(options: { readonly windowMs: number }): void;
  /** Returns the hits of a client without a change. `undefined` if the client has no window. */
  get(key: string): Promise<ClientHits | undefined>;
  /** Counts a hit, and starts a window if there is none. */
  increment(key: string): Promise<ClientHits>;
  /** Removes a hit from the current window. */
  decrement(key: string): Promise<void>;
  /** Forgets a client. */
  resetKey(key: string): Promise<void>;
  /** False because two middlewares on one store see each other's keys, unless their prefixes differ. */
  readonly localKeys: false;
  readonly prefix: string;
}

/** The stored state. The time is by the store's clock. */
type Hits = readonly [version: 1, hits: number, resetMs: number];

/**
 * Returns a store for express-rate-limit, on any Sluice store. It counts like express-rate-limit: in fixed windows,
 * rejected requests included. A call takes two round trips on a remote store, and one with this package's `rateLimit`.
 *
 * While the store fails, calls reject with a `SluiceError`. express-rate-limit then answers 500, or lets requests through
 * with its option `passOnStoreError`. A remote store that is down is no longer called, so requests do not wait for it. The
 * store stays open: close it where you created it.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function toExpressRateLimitStore(
  store: Store,
  options: ExpressRateLimitStoreOptions = {},
): ExpressRateLimitStore {
  checkOptions(options, { prefix: "any", timeout: "any", breaker: "any" }, "toExpressRateLimitStore");
  const { prefix = "express-rate-limit", timeout = "500ms", breaker } = options;
  const asked = throughBreaker(store, breaker);
  const timeoutMs = parseDuration(timeout, "timeout");
  let windowMs: number | undefined;

  /** The hits of a state that still count at a time of the store's clock. A window ends at most its full length from now. */
  function current(state: Hits | undefined, nowMs: number): { hits: number; leftMs: number } | undefined {
    if (state === undefined || state[2] <= nowMs) return undefined;
    return { hits: state[1], leftMs: Math.min(state[2] - nowMs, windowMs ?? Number.POSITIVE_INFINITY) };
  }

  /** Reads the hits of a client, and stores what `change` returns, if anything. */
  async function update(
    key: string,
    change: (found: { hits: number; leftMs: number } | undefined) => { hits: number; leftMs: number } | undefined,
  ): Promise<ClientHits | undefined> {
    let seen: { hits: number; leftMs: number } | undefined;
    await bounded(
      asked.atomicUpdate<Hits>(
        `${prefix}:${key}`,
        (state, nowMs) => {
          const found = current(state, nowMs);
          const next = change(found);
          seen = next ?? found;
          return next && { state: [1, next.hits, nowMs + next.leftMs], ttlMs: next.leftMs };
        },
        { deadlineMs: performance.now() + timeoutMs },
      ),
      timeoutMs,
    );
    // The store's clock may differ from this process's clock, which express-rate-limit compares with.
    return seen && { totalHits: seen.hits, resetTime: new Date(Date.now() + seen.leftMs) };
  }

  return {
    localKeys: false,
    prefix,

    init(given) {
      windowMs = parseDuration(Math.ceil(given.windowMs), "windowMs");
    },

    get: (key) => update(key, () => undefined),

    async increment(key) {
      const wholeMs = windowMs;
      if (wholeMs === undefined) {
        throw new SluiceError(
          "INVALID_OPTION",
          "the store has no windowMs: pass the store to rateLimit of express-rate-limit",
        );
      }
      const found = await update(key, (hits) => ({ hits: (hits?.hits ?? 0) + 1, leftMs: hits?.leftMs ?? wholeMs }));
      return found as ClientHits;
    },

    async decrement(key) {
      await update(key, (found) => (found && found.hits > 0 ? { ...found, hits: found.hits - 1 } : undefined));
    },

    async resetKey(key) {
      const deadlineMs = performance.now() + timeoutMs;
      await bounded(asked.delete(`${prefix}:${key}`, { deadlineMs }), timeoutMs);
    },
  };
}

/** Rejects with a `SluiceError`, by the end of the timeout at the latest. */
function bounded<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new SluiceError("STORE_TIMEOUT", `the store did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    work
      .then(resolve, (cause: unknown) => {
        if (cause instanceof SluiceError) reject(cause);
        else reject(new SluiceError("STORE_FAILED", "the store failed", { cause }));
      })
      .finally(() => clearTimeout(timer));
  });
}
