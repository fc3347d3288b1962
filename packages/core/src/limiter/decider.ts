import type { Algorithm } from "../algorithm/algorithm.js";
import { checkCost, type Policy, type Quota } from "../algorithm/policy.js";
import { invalidOption, SluiceError, storeFailure } from "../errors.js";
import { isPromise, type MaybePromise } from "../maybe-promise.js";
import { checkOptions, expectNone, type Rules } from "../options.js";
import { can } from "../store/capabilities.js";
import { type BoundCall, createDeadlines } from "../store/deadlines.js";
import type { Denials } from "../store/deny-cache.js";
import { refundEntry } from "../store/entry.js";
import type { Flight } from "../store/flight.js";
import { type FailurePolicy, remoteMarkOf } from "../store/remote-mark.js";
import type { CallOptions, Claim, DecidingStore, Outcome, Store } from "../store/store.js";
import type { AttachableBlock, AutoBlocker } from "./auto-block.js";
import { type ClaimMaker, claimMaker, heldKey, type LimiterKey } from "./claims.js";
import type { Clock } from "./clock.js";
import { type DecisionTerms, decisionOf, decisionWithoutStore, returnCharge, takeCharge } from "./decide.js";
import type { Decision, DecisionSource } from "./decision.js";
import { decidingEngine, type Engine } from "./engine.js";
import { createEmitter, type Emitter } from "./events.js";
import type { EntryPlace } from "./forget.js";
import { checkLimiterOptions, type LimiterOptions } from "./options.js";
import { createOutage, type Outage } from "./outage.js";
import { updatingEngine } from "./updating-engine.js";

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
  /** Starts every stored key. */
  readonly prefix: string;
  /** The store that keeps the limiter's state. */
  readonly store: Store;
  /** As `consume`, but a store that answers at once (memory) is answered at once: no promise, no wait. */
  decide(key: LimiterKey, options?: ConsumeOptions): MaybePromise<Decision>;
  /**
   * Refunds a decision's cost, once: to a bucket without what time has refilled since, to a window while it lasts. True when
   * something was refunded; false for a denial, a second refund, a window that has ended, a bucket that time has refilled, and
   * a charge from before a reset. Rejects when the store fails. It can be tried again only after `STORE_BREAKER_OPEN`: any other
   * failure may have come after the refund.
   */
  refund(decision: Decision): Promise<boolean>;
}

/** The parts from which the rest of a limiter is built. */
export interface LimiterCore extends Decider {
  readonly clock: Clock | undefined;
  /** The place of the entries. Its store is asked through the circuit breaker. */
  readonly place: EntryPlace;
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
  ask(
    asked: readonly Claim[],
    key: LimiterKey,
    cost: number,
    charge: boolean,
    calls: CallOptions,
  ): MaybePromise<Decision>;
  readonly denials: Denials | undefined;
  /** The decision when the deny cache repeats a denial. */
  repeated(key: LimiterKey, cost: number, denial: Outcome): Decision;
  /** The decision when the store answered. */
  answered(key: LimiterKey, cost: number, charge: boolean, outcome: Outcome): Decision;
  /** The decision when it did not, of a call that began when the store had answered `answers` calls. */
  unanswered(
    key: LimiterKey,
    cost: number,
    charge: boolean,
    error: unknown,
    calls: CallOptions,
    answers: number,
  ): MaybePromise<Decision>;
  /** The limiter that decides while the store fails. */
  readonly spare: LimiterCore | undefined;
  /** The options of such calls, also when the limiter has been closed. */
  timing(): CallOptions;
  /** The number of calls that the store has answered. */
  answers(): number;
  /** Lets a denial count for `autoBlock`, and emits events. */
  ended(decision: Decision, key: LimiterKey, cost: number, calls: CallOptions): MaybePromise<Decision>;
  /** Emits the events of a decision. */
  emit(decision: Decision): Decision;
  /** Rejects by the deadline of the calls, and always with a `SluiceError`. */
  bounded<T>(work: Promise<T>, calls: CallOptions): Promise<T>;
  /** As `refund`, also when the limiter has been closed. */
  refundAlways(decision: Decision): Promise<boolean>;
  close(): void;
}

/** A decision that the store is asked for. */
interface StoreCall {
  readonly asked: readonly Claim[];
  readonly key: LimiterKey;
  readonly cost: number;
  readonly charge: boolean;
  readonly calls: CallOptions;
  /** The number of calls that the store had answered when it began. */
  readonly answers: number;
}

const CONSUME_RULES: Rules<ConsumeOptions> = { cost: "any" };

const UNBOUNDED: CallOptions = {};

/**
 * Creates the function that decides requests, and the parts that use it.
 *
 * @param shared the outages of limiters that are one to the app, such as those of policies chosen by request
 * @param source the source of decisions when the store answers
 * @throws SluiceError
 */
export function createLimiterCore(
  options: LimiterOptions,
  shared?: Outage,
  source: DecisionSource = "store",
): LimiterCore {
  const checked = checkLimiterOptions(options);
  const { store: given, policies, algorithms, prefix, failOpen, timeoutMs, autoBlock, on, clock } = checked;
  const { store, refusal, leave, openDenials, fallback, startDeadline } = failurePolicyOf(given, policies, options);
  const quotas = policies.map((policy) => (algorithms.get(policy.algorithm) as Algorithm).quota(policy));
  const claims = claimMaker(policies, prefix);
  const deciding =
    can(store, "decide") &&
    [...policies, ...(autoBlock ? [autoBlock.policy] : [])].every(({ algorithm }) => store.algorithms.has(algorithm))
      ? store
      : undefined;
  const storeDecides = deciding !== undefined;
  // Decisions are watched where they are bounded in time, which takes a promise less than through the breaker.
  const begin = storeDecides ? leave : undefined;
  const engine: Engine =
    deciding === undefined
      ? updatingEngine(store, algorithms)
      : decidingEngine(begin === undefined ? deciding : (given as DecidingStore), deciding);
  const emitter = createEmitter(on);
  const instead = fallback !== undefined ? "fallback" : failOpen ? "failOpen" : "failClosed";
  const outage = shared ?? createOutage(instead, emitter);
  const deadlines = createDeadlines(
    timeoutMs,
    can(given, "connectionError") ? () => given.connectionError() : undefined,
    startDeadline,
  );
  const terms: DecisionTerms = { policies, quotas, source };
  // Denials count for automatic blocks, so each has to reach the store. Those of blocked keys do not.
  const denials = openDenials?.({ quotas, timeoutMs, storeDecides, onlyBlocked: !!autoBlock });
  const synchronous = engine.synchronous;
  const storeCall: BoundCall<Outcome, Decision, StoreCall> = {
    answered(outcome, { asked, key, cost, charge, calls }) {
      if (charge) denials?.note(asked, outcome, calls);
      return answered(key, cost, charge, outcome);
    },
    unanswered: (error, { key, cost, charge, calls, answers }) => unanswered(key, cost, charge, error, calls, answers),
  };
  let closed = false;

  function timing(): CallOptions {
    // A store that answers at once needs no deadline.
    if (synchronous) return clock === undefined ? UNBOUNDED : { nowMs: clock.nowMs() };
    return timed();
  }

  function timed(): CallOptions {
    const deadlineMs = deadlines.next();
    return clock === undefined ? { deadlineMs } : { deadlineMs, nowMs: clock.nowMs() };
  }

  function calling(): CallOptions {
    if (closed) throw new SluiceError("CLOSED", "the limiter is closed");
    return timing();
  }

  function ask(
    asked: readonly Claim[],
    key: LimiterKey,
    cost: number,
    charge: boolean,
    calls: CallOptions,
  ): MaybePromise<Decision> {
    if (denials !== undefined && charge) {
      const denial = denials.find(asked, calls);
      if (denial !== undefined) return repeated(key, cost, denial);
    }
    // A store that answers at once has no calls under way.
    const answers = synchronous ? 0 : outage.answers;
    const refused = refusal?.(asked, calls, storeDecides);
    if (refused !== undefined) return unanswered(key, cost, charge, refused, calls, answers);
    let flight: Flight | undefined;
    try {
      flight = begin?.(asked, calls, (calls.deadlineMs as number) - timeoutMs);
      const outcome = engine.decide(asked, charge, flight?.options ?? calls);
      if (isPromise(outcome)) {
        const context = { asked, key, cost, charge, calls, answers };
        return deadlines.bound(outcome, storeCall, calls.deadlineMs, context, flight);
      }
      flight?.answered();
      flight = undefined;
      return answered(key, cost, charge, outcome);
    } catch (error) {
      flight?.failed(error);
      return unanswered(key, cost, charge, error, calls, answers);
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
    return deadlines.within(work, calls.deadlineMs);
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
            const change = refundEntry(claim, algorithms, charge.epochsMs[i] as number, charge.chargedAtMs);
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
      // The policies of one key lie in one part of the store: none of their refunds was sent.
      if (typeof charge.key === "string" && (error as SluiceError).code === "STORE_BREAKER_OPEN")
        returnCharge(decision);
      throw error;
    }
  }

  const place: EntryPlace = { store, algorithms, storeDecides };
  const parts = { policies, prefix, claims, engine, calling, bounded };
  const blocker = (autoBlock as AttachableBlock | undefined)?.attach({ ...parts, ...place });

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
    place,
    clock,
    quotas,
    emitter,
    outage,
    blocker,
    timeoutMs,
    costOf,
    ask,
    denials,
    repeated,
    answered,
    unanswered,
    spare: fallback?.limiter,
    timing,
    answers: () => outage.answers,
    ended,
    emit,

    decide(key, given) {
      const cost = costOf(given);
      blocker?.check(key);
      const held = heldKey(key);
      const calls = calling();
      const decision = ask(synchronous ? claims.reused(key, cost) : claims.all(key, cost), held, cost, true, calls);
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

/** How the store of a limiter is asked. One that brings no failure policy can't have its options. */
function failurePolicyOf(
  store: Store,
  policies: readonly Policy[],
  options: LimiterOptions,
): Partial<FailurePolicy<LimiterKey, Decision, LimiterCore>> & { readonly store: Store } {
  const { breaker, denyCache, fallback } = options;
  const remote = remoteMarkOf(store);
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
