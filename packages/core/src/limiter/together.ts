import { after, isPromise, type MaybePromise } from "../maybe-promise.js";
import { can } from "../store/capabilities.js";
import type { CallOptions, Claim, Outcome, Store } from "../store/store.js";
import { heldKey, type LimiterKey } from "./claims.js";
import type { Clock } from "./clock.js";
import type { ConsumeOptions, LimiterCore } from "./decider.js";
import type { Decision } from "./decision.js";

/**
 * A limiter's part in an admission that several limiters share. The limiter's `join` creates it for one request. It has
 * only data and functions, so that limiters of several copies or releases of this package can share an admission.
 */
export interface Participant {
  readonly store: Store;
  readonly clock: Clock | undefined;
  /** True if the store decides. False if the limiter decides, which keeps its entries apart. */
  readonly storeDecides: boolean;
  readonly claims: readonly Claim[];
  /** Starts the limiter's timeout. Returns the options of the calls to the store. @throws SluiceError `CLOSED` */
  start(): CallOptions;
  /** Returns the denial that the limiter's deny cache remembers. The property is `undefined` without a deny cache. */
  readonly recall: (() => MaybePromise<Decision> | undefined) | undefined;
  /** Stores the answer to all claims of the admission in the deny cache. */
  note(claims: readonly Claim[], outcome: Outcome): void;
  /**
   * Decides all claims of the admission, including those of other limiters with the same store that decide in the same
   * place.
   */
  decide(claims: readonly Claim[], calls: CallOptions): MaybePromise<Outcome>;
  /** Rejects with a `SluiceError` if the work fails or exceeds the timeout. */
  bounded<T>(work: Promise<T>): Promise<T>;
  /**
   * The decision, from the findings for the limiter's own claims. `charged` is true if all claims of the admission fit.
   */
  answered(own: Outcome, charged: boolean): MaybePromise<Decision>;
  /** The decision if the store did not answer. */
  failed(error: unknown): MaybePromise<Decision>;
  /** Like `refund` of the limiter. */
  refund(decision: Decision): Promise<boolean>;
}

/** Creates a limiter's part in an admission: see the limiter's `join`. */
export function joinOf(core: LimiterCore, key: LimiterKey, options: ConsumeOptions | undefined): Participant {
  const cost = core.costOf(options);
  core.blocker?.check(key);
  const held = heldKey(key);
  let calls: CallOptions = {};
  let answers = 0;
  const { asked, storeDecides, engine } = core;
  const claims = core.claims.all(key, cost);

  function recall(): MaybePromise<Decision> | undefined {
    const denial = core.denials?.find(claims, calls);
    return denial && core.ended(core.repeated(held, cost, denial), held, cost, calls);
  }

  return {
    store: core.store,
    clock: core.clock,
    storeDecides,
    claims,
    start() {
      calls = core.calling();
      answers = core.count();
      return calls;
    },
    recall: core.denials && recall,
    note: (all, outcome) => core.denials?.note(all, outcome, calls),
    // Through the circuit breaker, because nothing else watches a decision of several limiters.
    decide: (all, options) =>
      storeDecides && can(asked, "decide")
        ? asked.decide({ claims: all, charge: true }, options)
        : engine.decide(all, true, options),
    bounded: (work) => core.bounded(work, calls),
    answered(own, charged) {
      const decision = core.answered(held, cost, charged, own);
      return own.allowed && !charged ? decision : core.ended(decision, held, cost, calls);
    },
    failed: (error) =>
      after(core.unanswered(held, cost, true, error, calls, answers), (decision) =>
        core.ended(decision, held, cost, calls),
      ),
    refund: core.refund,
  };
}

/** The decision of one participant. */
export interface Joined {
  /** May be allowed without a charge if only other participants deny. */
  readonly decision: Decision;
  readonly charged: boolean;
}

/**
 * Decides the claims of several limiters: all are charged or none is. Limiters with the same store share one admission, so
 * they take one round trip if the store decides. Other stores are asked one after the other, in the order of their first
 * participant. After a denial no further store is asked: the results of its participants are `undefined`, and the caller
 * refunds the charges that were made. If a deny cache answers for the first participant, the other results are `undefined`
 * too.
 *
 * Notifies a limiter's listeners and `autoBlock`, unless only other limiters deny.
 *
 * @throws SluiceError `CLOSED`
 */
export function decideTogether(participants: readonly Participant[]): MaybePromise<readonly (Joined | undefined)[]> {
  const results = new Array<Joined | undefined>(participants.length).fill(undefined);
  const groups = groupsOf(participants);

  function from(first: number): MaybePromise<readonly (Joined | undefined)[]> {
    const group = groups[first];
    if (group === undefined) return results;
    const keep = (joined: readonly (Joined | undefined)[]): MaybePromise<readonly (Joined | undefined)[]> => {
      joined.forEach((one, i) => {
        results[participants.indexOf(group[i] as Participant)] = one;
      });
      return joined.every((one) => one?.decision.allowed) ? from(first + 1) : results;
    };
    const decided = decideGroup(group);
    return isPromise(decided) ? decided.then(keep) : keep(decided);
  }

  return from(0);
}

function groupsOf(participants: readonly Participant[]): readonly (readonly Participant[])[] {
  const groups: Participant[][] = [];
  for (const participant of participants) {
    const group = groups.find((members) => members.every((member) => canShare(member, participant)));
    if (group === undefined) groups.push([participant]);
    else group.push(participant);
  }
  return groups;
}

/** Returns whether two limiters keep their state in one place, read one clock, and claim different entries. */
function canShare(a: Participant, b: Participant): boolean {
  if (a.store !== b.store || a.clock !== b.clock || a.storeDecides !== b.storeDecides) return false;
  return !a.claims.some(({ scope, key }) => b.claims.some((claim) => claim.scope === scope && claim.key === key));
}

function decideGroup(members: readonly Participant[]): MaybePromise<readonly (Joined | undefined)[]> {
  const started = members.map((member) => ({ member, calls: member.start() }));
  const { member: strictest, calls } = started.reduce((first, other) =>
    deadlineOf(other.calls) < deadlineOf(first.calls) ? other : first,
  );
  // The first remembered denial is the answer, so the other limiters are not asked.
  const known = (members[0] as Participant).recall?.();
  if (known !== undefined) return joinedOf([known, ...members.slice(1).map(() => undefined)], false);
  const claims = members.flatMap((member) => member.claims);

  function answered(outcome: Outcome): MaybePromise<readonly (Joined | undefined)[]> {
    const { allowed, nowMs, findings } = outcome;
    for (const member of members) member.note(claims, outcome);
    let end = 0;
    // Copied first, because a memory store may reuse the outcome for the calls that follow a denial.
    const parts = members.map(({ claims }) => {
      const own = findings.slice(end, end + claims.length).map((finding) => ({ ...finding }));
      end += claims.length;
      return { allowed: own.every((finding) => finding.allowed), nowMs, findings: own };
    });
    return joinedOf(
      members.map((member, i) => member.answered(parts[i] as Outcome, allowed)),
      allowed,
    );
  }

  const failed = (error: unknown) =>
    joinedOf(
      members.map((member) => member.failed(error)),
      false,
    );
  try {
    const outcome = (members[0] as Participant).decide(claims, calls);
    return isPromise(outcome) ? strictest.bounded(outcome).then(answered, failed) : answered(outcome);
  } catch (error) {
    return failed(error);
  }
}

function deadlineOf({ deadlineMs = Number.POSITIVE_INFINITY }: CallOptions): number {
  return deadlineMs;
}

function joinedOf(
  decisions: readonly (MaybePromise<Decision> | undefined)[],
  charged: boolean,
): MaybePromise<readonly (Joined | undefined)[]> {
  const join = (decision: Decision | undefined): Joined | undefined =>
    // A fallback decides only for its own limiter.
    decision && { decision, charged: charged || (decision.source === "fallback" && decision.allowed) };
  if (!decisions.some((decision) => decision !== undefined && isPromise(decision))) {
    return (decisions as readonly (Decision | undefined)[]).map(join);
  }
  return Promise.all(decisions).then((all) => all.map(join));
}
