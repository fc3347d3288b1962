import { checkCost } from "../algorithm/policy.js";
import { type Duration, MAX_DURATION_MS, parseDuration } from "../duration.js";
import { invalidOption } from "../errors.js";
import type { LimiterKey } from "../limiter/claims.js";
import type { Limiter } from "../limiter/limiter.js";
import type { MaybePromise } from "../maybe-promise.js";
import { check, checkOptions, type Rules } from "../options.js";
import { parseRateLimit } from "./parse-rate-limit.js";

/** The `fetch` function of the runtime, if its types are available. */
export type Fetch = typeof globalThis extends { fetch: infer F extends (...args: never[]) => unknown }
  ? F
  : (input: string, init?: { readonly signal?: AbortSignal }) => Promise<unknown>;

/** Options of {@link limitFetch}. */
export interface LimitFetchOptions {
  /** Calls with the same key share a limit. Default: the host of the address. */
  key?: ((...call: Parameters<Fetch>) => MaybePromise<LimiterKey>) | undefined;
  /** Units that a call takes. Default 1. */
  cost?: number | ((...call: Parameters<Fetch>) => MaybePromise<number>) | undefined;
  /** The longest time that a call waits for its turn. If that is too short, it rejects with `WAIT_TIMEOUT` immediately. */
  timeout?: Duration | undefined;
  /** The longest pause that a server may ask for. Default `"1h"`. */
  maxPause?: Duration | undefined;
}

const RULES: Rules<LimitFetchOptions> = { key: "function", cost: "any", timeout: "any", maxPause: "any" };

/**
 * Creates a `fetch` that waits for its turn and pauses as long as the server asks. The server asks by Retry-After with
 * status 503 or any from 400 to 499, or by RateLimit fields without remaining quota. The pause applies to all processes
 * that share the limiter's store. Responses are returned unchanged, even 429: nothing is sent twice. A call's `signal` ends
 * its wait too.
 *
 * @throws SluiceError `INVALID_OPTION`, `INVALID_COST`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { createLimiter, tokenBucket } from "@sluice/core";
 * import { limitFetch } from "@sluice/core/fetch";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const limiter = createLimiter({ store: memoryStore(), policies: tokenBucket({ rate: 5 }) });
 * const politeFetch = limitFetch(limiter, fetch, { timeout: "1m" });
 * const response = await politeFetch("https://api.example.com/things");
 * ```
 */
export function limitFetch(limiter: Limiter, fetch: Fetch, options: LimitFetchOptions = {}): Fetch {
  checkOptions(options, RULES, "limitFetch");
  const { key = hostOf, cost = 1, timeout, maxPause = "1h" } = options;
  if (typeof limiter?.wait !== "function") throw invalidOption("limiter", limiter, "be created by createLimiter");
  check("fetch", fetch, "function");
  const maxPauseMs = parseDuration(maxPause, "maxPause");
  if (typeof cost !== "function") checkCost(cost);
  const waiting = timeout === undefined ? {} : { timeout: parseDuration(timeout, "timeout") };

  return async (input, init) => {
    const who = await key(input, init);
    const signal = init?.signal ?? (typeof input === "object" && "signal" in input ? input.signal : undefined);
    const units = typeof cost === "function" ? await cost(input, init) : cost;
    await limiter.wait(who, { ...waiting, cost: units, ...(signal && { signal }) });
    const response = await fetch(input, init);
    const pauseMs = Math.min(pauseOf(response), maxPauseMs, MAX_DURATION_MS);
    // If the store fails here, the caller still gets the response, and the next call asks the store again. Responses may
    // arrive out of order: a block never shortens another one.
    if (pauseMs > 0) await limiter.block(who, pauseMs).catch(() => {});
    return response;
  };
}

/** The pause that the server asks for. */
function pauseOf({ status, headers }: Response): number {
  const { limits, retryAfterMs } = parseRateLimit(headers);
  // 403 too: GitHub answers so to requests over its secondary limits.
  const isRefusal = (status >= 400 && status < 500) || status === 503;
  if (retryAfterMs !== undefined && isRefusal) return retryAfterMs;
  return Math.max(0, ...limits.map(({ remaining, resetAfterMs = 0 }) => (remaining === 0 ? resetAfterMs : 0)));
}

function hostOf(input: Parameters<Fetch>[0]): string {
  const url = typeof input === "object" && "url" in input ? input.url : String(input);
  // In a browser an address may be relative to the page's.
  return new URL(url, (globalThis as { location?: { href: string } }).location?.href).host;
}
