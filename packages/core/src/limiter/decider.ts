import { algorithmOf } from "../algorithm/brought.js";
import { checkCost, type Policy, type Quota } from "../algorithm/policy.js";
import { invalidOption, SluiceError, storeFailure } from "../errors.js";
import { isPromise, type MaybePromise } from "../maybe-promise.js";
import { checkOptions, expectNone, type Rules } from "../options.js";
import type { Answers, Ask } from "../store/ask.js";
import { type AsynchronousMark, markOf } from "../store/asynchronous-mark.js";
import { can } from "../store/capabilities.js";
import type { Deadlines } from "../store/deadlines.js";
import type { Denials } from "../store/deny-cache.js";
import { decidingEngine, type Engine } from "../store/engine.js";
import { refundEntry } from "../store/entry.js";
import { type FailurePolicy, remoteCodeOf } from "../store/remote-mark.js";
import type { CallOptions, Claim, DecidingStore, Outcome, Store } from "../store/store.js";
import type { AttachableBlock, AutoBlocker } from "./auto-block.js";
import { type ClaimMaker, claimMaker, heldKey, type LimiterKey } from "./claims.js";
import type { Clock } from "./clock.js";
import { type DecisionTerms, decisionOf, decisionWithoutStore, returnCharge, takeCharge } from "./decide.js";
import type { Decision, DecisionSource } from "./decision.js";
import { createEmitter, type Emitter } from "./events.js";
import { checkLimiterOptions, type LimiterOptions } from "./options.js";
import { createOutage, type Outage } from "./outage.js";

/** Options of a request for admission. */
export interface ConsumeOptions {
  /** Units that the request takes: a whole number of 1 or more. Default 1. */
  cost?: number | undefined;
}

/** The part of a limiter that serves a request. */
export interface Decider {
  /** The policies, checked and frozen, in the given order. */
  readonly policies: readonly Policy[];
  /** The quota of each policy, in the same order. */
  readonly quotas: readonly Quota[];
  /** The start of every stored key. */
  readonly prefix: string;
  /** The store that keeps the limiter's state. */
  readonly store: Store;
  /** Like `consume`, but returns no promise if the store answers without one, as a memory store does. */
  decide(key: LimiterKey, options?: ConsumeOptions): MaybePromise<Decision>;
  /**
   * Refunds a decision's cost, once. A bucket gets back only units that time has not refilled since, and a window only
   * while it lasts. Resolves to true if something was refunded. Resolves to false for a denial, a second refund, a window
   * that has ended, a bucket that has refilled, and a charge from before a reset. Rejects if the store fails. Try again
   * only after `STORE_BREAKER_OPEN`: after any other failure the refund may have been made.
   */
  refund(decision: Decision): Promise<boolean>;
}

/** The parts from which the rest of a limiter is built. */
export interface LimiterCore extends Decider, Answers<LimiterKey, Decision> {
  readonly clock: Clock | undefined;
  /** The store, called through the circuit breaker. */
  readonly asked: Store;
  /** True if the store decides: each entry then has a separate key. Otherwise the entries of one key share a ledger. */
  readonly storeDecides: boolean;
  readonly claims: ClaimMaker;
  readonly engine: Engine;
  readonly emitter: Emitter;
  readonly outage: Outage;
  readonly blocker: AutoBlocker | undefined;
  /** The longest that a decision waits for the store. */
  readonly timeoutMs: number;
  /** The options of all calls to the store that one answer needs. @throws SluiceError `CLOSED` */
  calling(): CallOptions;
  /** @throws SluiceError `INVALID_COST`, `UNKNOWN_OPTION` */
  costOf(given: ConsumeOptions | undefined): number;
  readonly ask: Ask<LimiterKey, Decision>;
  readonly denials: Denials | undefined;
  /** The limiter that decides while the store fails. */
  readonly spare: LimiterCore | undefined;
  /** The options of the calls for one answer, even if the limiter has been closed. */
  timing(): CallOptions;
  /** Counts a denial for `autoBlock`, and emits events. */
  ended(decision: Decision, key: LimiterKey, cost: number, calls: CallOptions): MaybePromise<Decision>;
  /** Emits the events of a decision. */
  emit(decision: Decision): Decision;
  /** Rejects at the deadline of the calls. Every rejection is a `SluiceError`. */
  bounded<T>(work: Promise<T>, calls: CallOptions): Promise<T>;
  /** Like `refund`, even if the limiter has been closed. */
  refundAlways(decision: Decision): Promise<boolean>;
  close(): void;
}

const CONSUME_RULES: Rules<ConsumeOptions> = { cost: "any" };

const UNBOUNDED: CallOptions = {};

/**
 * Creates the function that decides requests, and the parts that use it.
 *
 * @param shared an outage to which several limiters report, such as those of policies that are chosen by request
 * @param source the source of decisions if the store answers
 * @throws SluiceError
 */
export function createLimiterCore(
  options: LimiterOptions,
  shared?: Outage,
  source: DecisionSource = "store",
): LimiterCore {
  const checked = checkLimiterOptions(options);
  const { store: given, policies, prefix, failOpen, timeoutMs, autoBlock, on, clock } = checked;
  const { store, refusal, leave, openDenials, fallback, startDeadline } = failurePolicyOf(given, policies, options);
  const quotas = policies.map((policy) => algorithmOf(policy).quota(policy));
  const claims = claimMaker(policies, prefix);
  const deciding =
    can(store, "decide") &&
    [...policies, ...(autoBlock ? [autoBlock.policy] : [])].every(
      ({ algorithm }) => store.algorithms?.has(algorithm) ?? true,
    )
      ? store
      : undefined;
  const storeDecides = deciding !== undefined;
  const mark = markOf(given);
  const engine: Engine =
    deciding === undefined
      ? engineOf(mark, store)
      : decidingEngine(leave === undefined ? deciding : (given as DecidingStore), deciding, mark === undefined);
  const emitter = createEmitter(on);
  const instead = fallback !== undefined ? "fallback" : failOpen ? "failOpen" : "failClosed";
  const outage = shared ?? createOutage(instead, emitter);
  // A store that answers without a promise needs no deadlines.
  const deadlines = mark?.createDeadlines(
    timeoutMs,
    can(given, "connectionError") ? () => given.connectionError() : undefined,
    startDeadline,
  );
  const terms: DecisionTerms = { policies, quotas, source };
  // Denials count for automatic blocks, so each has to reach the store, except those of blocked keys.
  const denials = openDenials?.({ quotas, timeoutMs, storeDecides, onlyBlocked: !!autoBlock });
  const answers: Answers<LimiterKey, Decision> = { count: () => outage.answers, repeated, answered, unanswered };
  const ask: Ask<LimiterKey, Decision> =
    mark?.createAsk(
      { engine, deadlines: deadlines as Deadlines, timeoutMs, storeDecides, denials, refusal, leave },
      answers,
    ) ?? askAtOnce;
  let closed = false;

  function timing(): CallOptions {
    if (deadlines === undefined) return clock === undefined ? UNBOUNDED : { nowMs: clock.nowMs() };
    const deadlineMs = deadlines.next();
    return clock === undefined ? { deadlineMs } : { deadlineMs, nowMs: clock.nowMs() };
  }

  function calling(): CallOptions {
    if (closed) throw new SluiceError("CLOSED", "the limiter is closed");
    return timing();
  }

  /** Asks a store that answers without a promise, so that no call is ever under way. */
  function askAtOnce(
    asked: readonly Claim[],
    key: LimiterKey,
    cost: number,
    charge: boolean,
    calls: CallOptions,
  ): MaybePromise<Decision> {
    try {
      const outcome = engine.decide(asked, charge, calls);
      if (isPromise(outcome)) throw notAtOnce(outcome);
      return answered(key, cost, charge, outcome);
    } catch (error) {
      return unanswered(key, cost, charge, error, calls, 0);
    }
  }

  function repeated(key: LimiterKey, cost: number, denial: Outcome): Decision {
    return decisionOf({ policies, quotas, source: "cache" }, key, cost, false, denial);
  }

  function answered(key: LimiterKey, cost: number, charge: boolean, outcome: Outcome): Decision {
    outage.succeeded();
    return decisionOf(terms, key, cost, charge, outcome);
  }

  function unanswered(
    key: LimiterKey,
    cost: number,
    charge: boolean,
    reason: unknown,
    { deadlineMs }: CallOptions,
    answers: number,
  ): MaybePromise<Decision> {
    const error = storeFailure(reason);
    outage.failed(error, deadlineMs === undefined ? undefined : { startMs: deadlineMs - timeoutMs, answers });
    return (
      fallback?.decide(key, cost, charge, error) ?? decisionWithoutStore(cost, quotas[0] as Quota, failOpen, error)
    );
  }

  function emit(decision: Decision): Decision {
    emitter.emit("decision", decision);
    if (!decision.allowed) emitter.emit("denied", decision);
    return decision;
  }

  function costOf(given: ConsumeOptions | undefined): number {
    if (given === undefined) return 1;
    checkOptions(given, CONSUME_RULES, "consume");
    const { cost = 1 } = given;
    return checkCost(cost);
  }

  function bounded<T>(work: Promise<T>, calls: CallOptions): Promise<T> {
    return deadlines?.within(work, calls.deadlineMs) ?? work.catch(fail);
  }

  async function refundAlways(decision: Decision, calls: CallOptions): Promise<boolean> {
    const charge = takeCharge(decision, terms);
    if (charge === undefined) return false;
    if (charge === "foreign") {
      if (fallback !== undefined) return fallback.limiter.refundAlways(decision);
      throw invalidOption("decision", decision, "be refunded by the limiter that returned it");
    }
    try {
      const given = await bounded(
        Promise.all(
          claims.all(charge.key, charge.cost).map(async (claim, i) => {
            const change = refundEntry(claim, charge.epochsMs[i] as number, charge.chargedAtMs);
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
        calls,
      );
      return given.includes(true);
    } catch (error) {
      // All policies of one key are in one part of the store, so none of their refunds was sent.
      if (typeof charge.key === "string" && (error as SluiceError).code === "STORE_BREAKER_OPEN")
        returnCharge(decision);
      throw error;
    }
  }

  const parts = { policies, prefix, claims, engine, asked: store, calling, bounded };
  const blocker = (autoBlock as AttachableBlock | undefined)?.attach(parts);

  function ended(decision: Decision, key: LimiterKey, cost: number, calls: CallOptions): MaybePromise<Decision> {
    if (blocker === undefined || decision.allowed || decision.source !== "store") return emit(decision);
    const judged = blocker.denied(decision, key, calls, () => ask(claims.all(key, cost), key, cost, true, calls));
    return judged instanceof Promise ? judged.then(emit) : emit(judged);
  }

  function whenEnded(
    decision: MaybePromise<Decision>,
    key: LimiterKey,
    cost: number,
    calls: CallOptions,
  ): MaybePromise<Decision> {
    return decision instanceof Promise
      ? decision.then((settled) => ended(settled, key, cost, calls))
      : ended(decision, key, cost, calls);
  }

  async function refund(decision: Decision): Promise<boolean> {
    return refundAlways(decision, calling());
  }

  return {
    ...parts,
    store: given,
    storeDecides,
    clock,
    quotas,
    emitter,
    outage,
    blocker,
    timeoutMs,
    costOf,
    ask,
    denials,
    ...answers,
    spare: fallback?.limiter,
    timing,
    ended,
    emit,

    decide(key, given) {
      const cost = costOf(given);
      blocker?.check(key);
      const held = heldKey(key);
      const calls = calling();
      const decision = ask(
        engine.synchronous ? claims.reused(key, cost) : claims.all(key, cost),
        held,
        cost,
        true,
        calls,
      );
      return emitter.listening || blocker ? whenEnded(decision, held, cost, calls) : decision;
    },

    refund,

    refundAlways: (decision) => refundAlways(decision, timing()),

    close() {
      closed = true;
      outage.close();
      fallback?.limiter.close();
    },
  };
}

/** The error for a wrapper that has a memory store's mark but returns promises: claims would change while it decides. */
function notAtOnce(outcome: Promise<unknown>): SluiceError {
  outcome.catch(() => {});
  return new SluiceError(
    "INVALID_STORE",
    "`decide` of a store with the property `synchronous` must not return a promise. Remove the property and add " +
      '`asynchronous` from "@sluice/core/store"',
  );
}

function fail(error: unknown): never {
  throw storeFailure(error);
}

/** The engine for policies that the store can't decide. */
function engineOf(mark: AsynchronousMark | undefined, asked: Store): Engine {
  if (mark !== undefined) return mark.updatingEngine(asked);
  throw new SluiceError("INVALID_STORE", "a store without the property `asynchronous` must support all algorithms");
}

/** How the limiter calls its store. Options for failures are rejected if the store's mark brings no failure policy. */
function failurePolicyOf(
  store: Store,
  policies: readonly Policy[],
  options: LimiterOptions,
): Partial<FailurePolicy<LimiterKey, Decision, LimiterCore>> & { readonly store: Store } {
  const { breaker, denyCache, fallback } = options;
  const remote = remoteCodeOf(store);
  if (remote !== undefined) {
    return remote.failurePolicy(store, options, policies, (own) =>
      createLimiterCore(
        {
          ...options,
          ...own,
          fallback: undefined,
          autoBlock: undefined,
          on: {},
        },
        undefined,
        "fallback",
      ),
    );
  }
  const useless = { breaker: breaker || undefined, denyCache: denyCache || undefined, fallback };
  expectNone(useless, "be left out for a store that is not marked as remote");
  return { store };
}
