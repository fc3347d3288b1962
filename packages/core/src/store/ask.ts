import { isPromise, type MaybePromise } from "../maybe-promise.js";
import type { BoundCall, Deadlines } from "./deadlines.js";
import type { Denials } from "./deny-cache.js";
import type { Engine } from "./engine.js";
import type { Flight, Leave, Refusal } from "./flight.js";
import type { CallOptions, Claim, Outcome } from "./store.js";

/** Asks the store of a limiter for a decision. */
export type Ask<Key, Decision> = (
  asked: readonly Claim[],
  key: Key,
  cost: number,
  charge: boolean,
  calls: CallOptions,
) => MaybePromise<Decision>;

/** Creates a limiter's decisions from the answers of its store. */
export interface Answers<Key, Decision> {
  /** The number of calls that the store has answered. */
  count(): number;
  /** The decision when the deny cache repeats a denial. */
  repeated(key: Key, cost: number, denial: Outcome): Decision;
  /** The decision when the store answered. */
  answered(key: Key, cost: number, charge: boolean, outcome: Outcome): Decision;
  /** The decision if the store did not answer. `answers` is the number of calls that it had answered when the call began. */
  unanswered(
    key: Key,
    cost: number,
    charge: boolean,
    error: unknown,
    calls: CallOptions,
    answers: number,
  ): MaybePromise<Decision>;
}

/** How a limiter calls its store. */
export interface Asking {
  readonly engine: Engine;
  readonly deadlines: Deadlines;
  readonly timeoutMs: number;
  /** False if the limiter decides in its process: see {@link Refusal}. */
  readonly storeDecides: boolean;
  readonly denials: Denials | undefined;
  readonly refusal: Refusal | undefined;
  readonly leave: Leave | undefined;
}

/** A decision requested from the store. */
interface StoreCall<Key> {
  readonly asked: readonly Claim[];
  readonly key: Key;
  readonly cost: number;
  readonly charge: boolean;
  readonly calls: CallOptions;
  /** The number of calls that the store had answered when this one began. */
  readonly answers: number;
}

/**
 * Creates the function that asks a store that takes time. It keeps a deadline, and does not call the store while the
 * circuit breaker is open or for denials that the deny cache knows.
 */
export function createAsk<Key, Decision>(
  { engine, deadlines, timeoutMs, storeDecides, denials, refusal, leave }: Asking,
  { count, repeated, answered, unanswered }: Answers<Key, Decision>,
): Ask<Key, Decision> {
  // The function that bounds decisions in time also watches them for the breaker, which saves a promise for each.
  const begin = storeDecides ? leave : undefined;
  const storeCall: BoundCall<Outcome, Decision, StoreCall<Key>> = {
    answered(outcome, { asked, key, cost, charge, calls }) {
      if (charge) denials?.note(asked, outcome, calls);
      return answered(key, cost, charge, outcome);
    },
    unanswered: (error, { key, cost, charge, calls, answers }) => unanswered(key, cost, charge, error, calls, answers),
  };

  return (asked, key, cost, charge, calls) => {
    if (denials !== undefined && charge) {
      const denial = denials.find(asked, calls);
      if (denial !== undefined) return repeated(key, cost, denial);
    }
    const answers = count();
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
  };
}
