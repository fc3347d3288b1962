import { invalidOption } from "../errors.js";
import { isPromise, type MaybePromise } from "../maybe-promise.js";
import { refundEntry } from "../store/entry.js";
import type { Claim, ClaimFinding, Outcome } from "../store/store.js";
import type { LimiterKey } from "./claims.js";
import { coreOf } from "./core-of.js";
import type { ConsumeOptions, LimiterCore } from "./decider.js";
import type { Decision } from "./decision.js";
import type { Limiter } from "./limiter.js";

/** What a limiter and one more claim said together. */
export interface JointDecision {
  /**
   * What the limiter says by itself. Allowed and yet not charged where the other claim denies; that can't be refunded.
   */
  readonly decision: Decision;
  /** What was found for the other claim; `undefined` when the store did not answer. */
  readonly other: ClaimFinding | undefined;
  /** The store's clock then; 0 when the store did not answer. */
  readonly nowMs: number;
}

/**
 * Asks a limiter for admission together with a claim that is none of its own: both are charged or neither is, in one
 * admission. Listeners, and `autoBlock`, hear of it unless only the other claim denies.
 *
 * @throws SluiceError as `decide` of the limiter
 */
export function decideJointly(
  limiter: Limiter,
  key: LimiterKey,
  options: ConsumeOptions | undefined,
  other: Claim,
): MaybePromise<JointDecision> {
  const core = madeCore(limiter);
  const cost = core.costOf(options);
  core.blocker?.check(key);
  const own = core.claims.all(key, cost);

  function answered({ allowed, nowMs, findings }: Outcome): MaybePromise<JointDecision> {
    const ownFindings = findings.slice(0, own.length);
    const fits = ownFindings.every((finding) => finding.allowed);
    const decision = core.answered(key, cost, allowed, { allowed: fits, nowMs, findings: ownFindings });
    const found = { ...(findings[own.length] as ClaimFinding) };
    return fits && !allowed ? { decision, other: found, nowMs } : ended(decision, found, nowMs);
  }

  function ended(decision: Decision, other: ClaimFinding | undefined, nowMs: number): MaybePromise<JointDecision> {
    const last = core.ended(decision, key, cost, calls);
    return isPromise(last)
      ? last.then((settled) => ({ decision: settled, other, nowMs }))
      : { decision: last, other, nowMs };
  }

  const unanswered = (error: unknown) => ended(core.unanswered(cost, error, calls, answers), undefined, 0);
  const calls = core.calling();
  const answers = core.answers();
  try {
    const outcome = core.engine.decide([...own, other], true, calls);
    return isPromise(outcome) ? core.bounded(outcome, calls).then(answered, unanswered) : answered(outcome);
  } catch (error) {
    return unanswered(error);
  }
}

/**
 * Refunds what was charged to both, as `refund` of the limiter does. True when something was refunded, to either: a bucket may
 * have been refilled by time while the other claim still counts.
 */
export async function refundJointly(
  limiter: Limiter,
  { decision, other, nowMs: chargedAtMs }: JointDecision,
  claim: Claim,
): Promise<boolean> {
  const core = madeCore(limiter);
  const refunded = await limiter.refund(decision);
  if (!decision.allowed || other?.allowed !== true) return refunded;
  const change = refundEntry(claim, core.algorithms, other.epochMs, chargedAtMs);
  let otherRefunded = false;
  const calls = core.calling();
  await core.bounded(
    core.engine.update(
      claim,
      (entry, nowMs) => {
        const next = change(entry, nowMs);
        otherRefunded = next !== undefined;
        return next;
      },
      calls,
    ),
    calls,
  );
  return refunded || otherRefunded;
}

function madeCore(limiter: Limiter): LimiterCore {
  const core = coreOf(limiter);
  if (core === undefined) throw invalidOption("limiter", limiter, "give what createLimiter returned");
  return core;
}
