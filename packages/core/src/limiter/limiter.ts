import type { Decision } from "../decision.js";
import { type Duration, parseDuration } from "../duration.js";
import { invalidOption, SluiceError } from "../errors.js";
import type { Algorithm } from "../policy/algorithm.js";
import { checkCost, type Policy, type Quota } from "../policy/policy.js";
import { hasHealthCheck } from "../store/capabilities.js";
import { blockEntry, refundEntry } from "../store/entry.js";
import {
  type CallOptions,
  type Claim,
  isDecidingStore,
  isPromise,
  type MaybePromise,
  type Outcome,
} from "../store/store.js";
import { rejectUnknown } from "../unknown-option.js";
import { claimMaker, heldKey, type LimiterKey } from "./claims.js";
import { createDeadlines } from "./deadlines.js";
import { type DecisionTerms, decisionOf, decisionWithoutStore, takeCharge } from "./decide.js";
import { decidingEngine, type Engine } from "./engine.js";
import { createEmitter, type LimiterEvents } from "./events.js";
import { costToLookWith, minimumWaitMs } from "./minimum-wait.js";
import { checkOptions, type LimiterOptions } from "./options.js";
import { createOutage } from "./outage.js";
import { updatingEngine } from "./updating-engine.js";
import { createWaitQueue } from "./wait-queue.js";

/** Options of a request for admission. */
export interface ConsumeOptions {
  /** Units that the request takes: a whole number of 1 or more. Default 1. */
  cost?: number;
}

/** Options of {@link Limiter.wait} and {@link Limiter.execute}. */
export interface WaitOptions extends ConsumeOptions {
  /** The longest wait. Default: as long as it takes. */
  timeout?: Duration;
  /** Ends the wait; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What {@link Limiter.healthCheck} found. */
export interface Health {
  readonly healthy: boolean;
  /** How long the store took to answer, or to fail. */
  readonly latencyMs: number;
  /** Why it is not healthy. */
  readonly error?: unknown;
}

/**
 * Decides who may go on. Every method but `decide` returns a promise. All of them throw or reject with a `SluiceError`
 * on a bad key or cost; a limit that was reached, and a store that failed, is a {@link Decision}.
 */
export interface Limiter {
  /** The policies, checked and frozen, in the order given. */
  readonly policies: readonly Policy[];
  /** What each policy grants, in the same order. */
  readonly quotas: readonly Quota[];
  /** Starts every stored key. */
  readonly prefix: string;
  /** As {@link Limiter.consume}, but a store that answers at once (memory) is answered at once: no promise, no wait. */
  decide(key: LimiterKey, options?: ConsumeOptions): MaybePromise<Decision>;
  /** Asks for admission, and charges the cost to all policies when all allow it, to none when one denies. */
  consume(key: LimiterKey, options?: ConsumeOptions): Promise<Decision>;
  /** {@link Limiter.consume}, for those who need only yes or no. */
  allow(key: LimiterKey, options?: ConsumeOptions): Promise<boolean>;
  /** What {@link Limiter.consume} would say now. Charges nothing, and the numbers are as they stand. */
  peek(key: LimiterKey, options?: ConsumeOptions): Promise<Decision>;
  /**
   * Gives a decision's cost back: once, and only while it would still matter. True when something was given back; false
   * for a denial, a second refund, a window that has ended or a bucket that has been full since. Rejects when the store
   * fails; it is then not tried again, since the refund may have taken place.
   */
  refund(decision: Decision): Promise<boolean>;
  /** Forgets what the key used, and its blocks. A key by names resets only the policies that it names. */
  reset(key: LimiterKey): Promise<void>;
  /**
   * Denies the key for so long, whatever its policies say, on every process that shares the store. {@link Limiter.reset}
   * ends it. A key by names blocks only for the policies that it names.
   */
  block(key: LimiterKey, duration: Duration): Promise<void>;
  /**
   * Waits for admission: first come, first served among the callers of this limiter with the same key, sleeping exactly
   * as long as the decision says. Rejects with `WAIT_TIMEOUT`, at once, when the deadline can't be met or the cost can
   * never fit, and with the store's error when it fails and the limiter is closed then. Nothing is charged on a rejection.
   */
  wait(key: LimiterKey, options?: WaitOptions): Promise<Decision>;
  /** Runs `fn` after {@link Limiter.wait}, with its options, and returns what it returns. What `fn` used stays used when it fails. */
  execute<T>(key: LimiterKey, fn: (decision: Decision) => T | Promise<T>, options?: WaitOptions): Promise<T>;
  /** Whether the store answers. Never rejects. */
  healthCheck(): Promise<Health>;
  /** Adds a listener; the function returned removes it. */
  on<E extends keyof LimiterEvents>(event: E, listener: LimiterEvents[E]): () => void;
  /** Rejects those who wait and refuses further calls. The store stays open: whoever made it closes it. */
  close(): Promise<void>;
}

/**
 * Makes a limiter: policies, decided on a store.
 *
 * @throws SluiceError for any option that is not what it should be
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
  const { store, policies, algorithms, prefix, failOpen, timeoutMs, on, clock } = checkOptions(options);
  const quotas = policies.map((policy) => (algorithms.get(policy.algorithm) as Algorithm).quota(policy));
  const claims = claimMaker(policies, prefix);
  const engine: Engine =
    isDecidingStore(store) && policies.every(({ algorithm }) => store.algorithms.has(algorithm))
      ? decidingEngine(store)
      : updatingEngine(store, algorithms, prefix);
  const emitter = createEmitter(on);
  const outage = createOutage(failOpen, emitter);
  const deadlines = createDeadlines(timeoutMs);
  const queue = createWaitQueue(clock);
  const terms: DecisionTerms = { policies, quotas };
  const borrows = engine.synchronous;
  const callOptions: CallOptions = { timeoutMs };
  let closed = false;

  function timing(): CallOptions {
    return clock === undefined ? callOptions : { timeoutMs, nowMs: clock.nowMs() };
  }

  function calling(): CallOptions {
    if (closed) throw new SluiceError("CLOSED", "the limiter is closed");
    return timing();
  }

  function ask(asked: readonly Claim[], key: LimiterKey, cost: number, charge: boolean): MaybePromise<Decision> {
    const calls = calling();
    try {
      const outcome = engine.decide(asked, charge, calls);
      if (!isPromise(outcome)) return answered(key, cost, charge, outcome);
      return deadlines.bound(
        outcome,
        (settled) => answered(key, cost, charge, settled),
        (error) => unanswered(cost, error),
      );
    } catch (error) {
      return unanswered(cost, error);
    }
  }

  function answered(key: LimiterKey, cost: number, charge: boolean, outcome: Outcome): Decision {
    outage.succeeded();
    return decisionOf(terms, key, cost, charge, outcome);
  }

  function unanswered(cost: number, error: unknown): Decision {
    outage.failed(error);
    return decisionWithoutStore(cost, quotas[0] as Quota, failOpen, error);
  }

  function tell(decision: Decision): Decision {
    emitter.emit("decision", decision);
    if (!decision.allowed) emitter.emit("denied", decision);
    return decision;
  }

  function costOf(given: ConsumeOptions | undefined): number {
    if (given === undefined) return 1;
    rejectUnknown(given, ["cost"], "consume");
    const { cost = 1 } = given;
    return checkCost(cost);
  }

  /** Rejects within the timeout, and always with a `SluiceError`. */
  function bounded<T>(work: Promise<T>): Promise<T> {
    return deadlines.bound(
      work,
      (value) => value,
      (error) =>
        Promise.reject(
          error instanceof SluiceError ? error : new SluiceError("STORE_FAILED", "the store failed", { cause: error }),
        ),
    );
  }

  async function giveBack(decision: Decision, calls: CallOptions): Promise<boolean> {
    const charge = takeCharge(decision, terms);
    if (charge === undefined) return false;
    if (charge === "foreign") throw invalidOption("decision", decision, "refund it with the limiter that made it");
    const given = await bounded(
      Promise.all(
        claims.all(charge.key, charge.cost).map(async (claim, i) => {
          const change = refundEntry(claim, algorithms, charge.epochsMs[i] as number);
          let changed = false;
          await engine.update(
            claim,
            (entry, nowMs) => {
              const next = change(entry, nowMs);
              changed = next !== undefined;
              return next;
            },
            calls,
          );
          return changed;
        }),
      ),
    );
    return given.includes(true);
  }

  const limiter: Limiter = {
    policies,
    quotas,
    prefix,

    decide(key, given) {
      const cost = costOf(given);
      const decision = ask(borrows ? claims.lent(key, cost) : claims.all(key, cost), heldKey(key), cost, true);
      if (!emitter.listening) return decision;
      return decision instanceof Promise ? decision.then(tell) : tell(decision);
    },

    consume(key, given) {
      // Not an async function: it would add a promise of its own to the one that a remote store needs anyway.
      try {
        const decision = limiter.decide(key, given);
        return isPromise(decision) ? decision : Promise.resolve(decision);
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async allow(key, given) {
      return (await limiter.decide(key, given)).allowed;
    },

    async peek(key, given) {
      const cost = costOf(given);
      return ask(claims.all(key, cost), key, cost, false);
    },

    async refund(decision) {
      return giveBack(decision, calling());
    },

    async reset(key) {
      const calls = calling();
      await bounded(engine.forget(claims.named(key), calls));
    },

    async block(key, duration) {
      const durationMs = parseDuration(duration, "duration");
      const calls = calling();
      const named = claims.named(key);
      // One blocked policy denies the request, so a plain key needs no more than the first.
      const blocked = typeof key === "string" ? named.slice(0, 1) : named;
      await bounded(
        Promise.all(
          blocked.map((claim) =>
            engine.update(
              claim,
              (entry, nowMs) =>
                blockEntry(
                  entry,
                  algorithms.get(claim.policy.algorithm) as Algorithm,
                  claim.policy,
                  nowMs,
                  nowMs + durationMs,
                ),
              calls,
            ),
          ),
        ),
      );
    },

    async wait(key, given = {}) {
      rejectUnknown(given, ["cost", "timeout", "signal"], "wait");
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
        consume: async () => ask(wanted, held, cost, true),
        async minimumWaitMs(costs) {
          const looks = wanted.map((claim, i) => {
            return { ...claim, cost: costToLookWith(claim.policy, quotas[i] as Quota, costs) };
          });
          const look = await ask(looks, held, cost, false);
          return Math.max(0, ...look.policies.map((policy) => minimumWaitMs(policy, costs)));
        },
        // Also for callers whom `close` rejected while the store was about to grant.
        giveBack: (decision) => giveBack(decision, timing()),
      });
      return tell(decision);
    },

    async execute(key, fn, given) {
      return fn(await limiter.wait(key, given));
    },

    async healthCheck() {
      const startMs = performance.now();
      const latencyMs = () => performance.now() - startMs;
      try {
        calling();
        const check = async () =>
          hasHealthCheck(store) ? store.healthCheck() : store.atomicUpdate("sluice:health", () => undefined);
        await bounded<unknown>(check());
        return { healthy: true, latencyMs: latencyMs() };
      } catch (error) {
        return { healthy: false, latencyMs: latencyMs(), error };
      }
    },

    on: emitter.on,

    async close() {
      closed = true;
      queue.close();
    },
  };
  return limiter;
}
