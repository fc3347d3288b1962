import { checkCost } from "../algorithm/policy.js";
import { type Duration, parseDuration } from "../duration.js";
import { isPromise } from "../maybe-promise.js";
import { check, checkOptions } from "../options.js";
import { can } from "../store/capabilities.js";
import { blockEntry, type Entry } from "../store/entry.js";
import { claimsNamed, heldKey, type LimiterKey } from "./claims.js";
import { type ConsumeOptions, createLimiterCore, type Decider, type LimiterCore } from "./decider.js";
import type { Decision } from "./decision.js";
import { EVENT_RULES, type LimiterEvents } from "./events.js";
import { createForecast } from "./forecast.js";
import { forgetEntries } from "./forget.js";
import type { LimiterOptions } from "./options.js";
import { joinOf, type Participant } from "./together.js";
import { createWaitQueue } from "./wait-queue.js";

/** Options of {@link Limiter.wait} and {@link Limiter.execute}. */
export interface WaitOptions extends ConsumeOptions {
  /** The longest wait. Default: no limit. */
  timeout?: Duration | undefined;
  /** Ends the wait. The promise then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The result of {@link Limiter.healthCheck}. */
export interface Health {
  readonly healthy: boolean;
  /** The time until the store answered or failed. */
  readonly latencyMs: number;
  /** The reason why the store is not healthy. */
  readonly error?: unknown;
}

/**
 * Decides which requests may continue. Every method but `decide` returns a promise. All methods throw or reject with a
 * `SluiceError` on an invalid key or cost. A reached limit or a failed store is not an error but a {@link Decision}.
 */
export interface Limiter extends Decider {
  /** Asks for admission. Charges the cost to all policies if all allow it, and to none if one denies. */
  consume(key: LimiterKey, options?: ConsumeOptions): Promise<Decision>;
  /** Like {@link Limiter.consume}, but resolves only to whether the request is allowed. */
  allow(key: LimiterKey, options?: ConsumeOptions): Promise<boolean>;
  /**
   * Returns the result that {@link Limiter.consume} would have now, without charging. The numbers are those before a
   * charge.
   */
  peek(key: LimiterKey, options?: ConsumeOptions): Promise<Decision>;
  /** Forgets the key's usage and blocks. A key for each policy resets only the policies that it names. */
  reset(key: LimiterKey): Promise<void>;
  /**
   * Denies the key for this long, whatever its policies say, in every process that shares the store. A block that already
   * ends later stays as it is. {@link Limiter.reset} ends a block. A string is blocked for all policies, and a key for each
   * policy for those that it names. Each policy is blocked in a separate write.
   */
  block(key: LimiterKey, duration: Duration): Promise<void>;
  /**
   * Waits for admission. Callers of this limiter with the same key are served in order of arrival, and sleep exactly as
   * long as the decision says. Rejects immediately with `WAIT_TIMEOUT` if the deadline can't be met, and with
   * `COST_EXCEEDS_LIMIT` if the cost can never fit. If the store fails, all callers with the key get its error, or are
   * admitted by `failOpen`, within the limiter's `timeout`. Nothing is charged on a rejection.
   */
  wait(key: LimiterKey, options?: WaitOptions): Promise<Decision>;
  /**
   * Waits like {@link Limiter.wait}, runs `fn`, and returns its result. If `fn` fails, the charge stays.
   */
  execute<T>(key: LimiterKey, fn: (decision: Decision) => T | Promise<T>, options?: WaitOptions): Promise<T>;
  /**
   * The limiter's part in an admission that several limiters share, for a check of a guard. Does not call the store yet.
   *
   * @throws SluiceError `INVALID_KEY`, `INVALID_COST`
   */
  join(key: LimiterKey, options?: ConsumeOptions): Participant;
  /** Returns whether the store answers. Never rejects. */
  healthCheck(): Promise<Health>;
  /** Adds a listener. Returns a function that removes it. */
  on<E extends keyof LimiterEvents>(event: E, listener: LimiterEvents[E]): () => void;
  /** Rejects waiting callers and all further calls. The store stays open, because its creator closes it. */
  close(): Promise<void>;
}

/**
 * Creates a limiter: policies that are decided on a store.
 *
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { createLimiter, slidingWindow, tokenBucket } from "@sluice/core";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const limiter = createLimiter({
 *   store: memoryStore(),
 *   policies: [tokenBucket({ name: "burst", rate: 10 }), slidingWindow({ name: "daily", limit: 5_000, window: "1d" })],
 * });
 *
 * const decision = await limiter.consume("user-123", { cost: 5 });
 * if (!decision.allowed) console.log(`come back in ${decision.retryAfterMs} ms`);
 * ```
 */
export function createLimiter(options: LimiterOptions): Limiter {
  const core = createLimiterCore(options);
  const { store, policies, quotas, prefix, claims, engine, decide, refund, calling, costOf } = core;
  const { ask, bounded, spare } = core;
  // Resets and blocks also apply to the fallback.
  const cores = spare === undefined ? [core] : [spare, core];
  const queue = createWaitQueue(options.clock, core.timeoutMs);

  const limiter: Limiter = {
    policies,
    quotas,
    prefix,
    store,
    decide,
    refund,
    join: (key, given) => joinOf(core, key, given),

    consume(key, given) {
      // Not an async function, because that would add a promise to the one that a remote store already needs.
      try {
        const decision = decide(key, given);
        return isPromise(decision) ? decision : Promise.resolve(decision);
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async allow(key, given) {
      return (await decide(key, given)).allowed;
    },

    async peek(key, given) {
      const cost = costOf(given);
      return ask(claims.all(key, cost), key, cost, false, calling());
    },

    async reset(key) {
      await Promise.all(cores.map((each) => resetIn(each, key)));
    },

    async block(key, duration) {
      const durationMs = parseDuration(duration, "duration");
      await Promise.all(cores.map((each) => blockIn(each, key, durationMs)));
    },

    async wait(key, given = {}) {
      checkOptions(given, { cost: "any", timeout: "any", signal: "any" }, "wait");
      const { cost: asked = 1, timeout, signal } = given;
      const cost = checkCost(asked);
      const wanted = claims.all(key, cost);
      const held = heldKey(key);
      calling();
      const decision = await queue.wait({
        line: JSON.stringify(wanted.map((claim) => claim.key)),
        cost,
        neverFits: quotas.some(({ limit }) => cost > limit),
        timeoutMs: timeout === undefined ? undefined : parseDuration(timeout, "timeout"),
        signal,
        consume: async () => ask(wanted, held, cost, true, calling()),
        async look() {
          const calls = calling();
          const entries: (Entry | undefined)[] = [];
          let nowMs = 0;
          const reads = wanted.map((claim, i) =>
            engine.update(
              claim,
              (entry, storeMs) => {
                entries[i] = entry;
                nowMs = Math.max(nowMs, storeMs);
                return undefined;
              },
              calls,
            ),
          );
          await bounded(Promise.all(reads), calls);
          return createForecast(wanted, entries, nowMs);
        },
        // Also refunds callers that `close` rejected while the store was about to grant.
        refund: core.refundAlways,
      });
      return core.emit(decision);
    },

    async execute(key, fn, given) {
      return fn(await limiter.wait(key, given));
    },

    async healthCheck() {
      const startMs = performance.now();
      const latencyMs = () => performance.now() - startMs;
      try {
        const calls = calling();
        const check = async () =>
          can(store, "healthCheck")
            ? store.healthCheck(calls)
            : store.atomicUpdate("sluice:health", () => undefined, calls);
        await bounded<unknown>(check(), calls);
        return { healthy: true, latencyMs: latencyMs() };
      } catch (error) {
        return { healthy: false, latencyMs: latencyMs(), error };
      }
    },

    on(event, listener) {
      checkOptions({ [event]: listener }, EVENT_RULES, "on");
      check(event, listener, "function");
      return core.emitter.on(event, listener);
    },

    async close() {
      core.close();
      queue.close();
    },
  };
  return limiter;
}

async function resetIn(core: LimiterCore, key: LimiterKey): Promise<void> {
  const { calling, bounded, claims, policies, blocker } = core;
  const calls = calling();
  const named = claimsNamed(claims, policies, key);
  await bounded(Promise.all([forgetEntries(core, named, calls), blocker?.forget(key, calls)]), calls);
}

async function blockIn(
  { calling, bounded, engine, claims, policies }: LimiterCore,
  key: LimiterKey,
  durationMs: number,
): Promise<void> {
  const calls = calling();
  const blocks = claimsNamed(claims, policies, key).map((claim) =>
    engine.update(claim, (entry, nowMs) => blockEntry(entry, claim.policy, nowMs, durationMs), calls),
  );
  await bounded(Promise.all(blocks), calls);
}
