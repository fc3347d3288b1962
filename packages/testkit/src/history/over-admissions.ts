import type { FixedWindowPolicy, Policy, SlidingLogPolicy, SlidingWindowPolicy, TokenBucketPolicy } from "@sluice/core";
import type { RecordedCall, RecordedConsume } from "./recorded-call.js";

/** A period in which more was admitted than a policy allows. */
export interface OverAdmission {
  readonly key: string;
  /** The policy's name. */
  readonly policy: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** The units that were certainly admitted between `fromMs` and `toMs`, and not refunded. */
  readonly admitted: number;
  /** The most that the policy allows in that period, whenever the store decided in it. */
  readonly allowed: number;
}

/** The units that a policy allows in any period of this length, and in the first period of an unused key. */
interface Bounds {
  inAny(lengthMs: number): number;
  readonly first?: { readonly lengthMs: number; readonly limit: number };
}

/** The time from which a call counts or no longer counts. */
interface Moment {
  readonly atMs: number;
  /** When an admission was sent, or a reset was answered. Periods that start later do not include it. */
  readonly sentMs: number;
  readonly units: number;
  readonly resets: number;
}

/**
 * Finds the periods of a history in which more was admitted than its policies allow. Each call took effect at some time
 * between its `sentMs` and its `receivedMs`. A period is reported only if no choice of those times satisfies the
 * policy. So a report always shows a fault, but an empty result for few calls proves little.
 *
 * The keys must not have been used before the history, and no clock may have been set during it. Each reset may allow
 * the whole limit once more. Only policies of built-in algorithms are supported; any other algorithm is an error.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 * import { createLimiter, slidingLog } from "@sluice/core";
 * import { modelStore, overAdmissions, recordCalls } from "@sluice/testkit";
 *
 * const policies = [slidingLog({ limit: 10, window: "1s" })];
 * const recorder = recordCalls(createLimiter({ store: modelStore(), policies }));
 * await Promise.all(Array.from({ length: 50 }, () => recorder.consume("somebody")));
 * deepEqual(overAdmissions(policies, recorder.calls), []);
 * ```
 */
export function overAdmissions(policies: readonly Policy[], calls: readonly RecordedCall[]): readonly OverAdmission[] {
  return [...groupByKey(calls)].flatMap(([key, ofKey]) => {
    const admissions = ofKey.filter((call): call is RecordedConsume => call.kind === "consume" && call.allowed);
    const moments = momentsOf(admissions, ofKey);
    return policies.flatMap((policy) => {
      const worst = worstStretch(boundsOf(policy), admissions, moments);
      return worst === undefined ? [] : [{ key, policy: policy.name, ...worst }];
    });
  });
}

function groupByKey(calls: readonly RecordedCall[]): Map<string, RecordedCall[]> {
  const byKey = new Map<string, RecordedCall[]>();
  for (const call of calls) {
    const ofKey = byKey.get(call.key);
    if (ofKey === undefined) byKey.set(call.key, [call]);
    else ofKey.push(call);
  }
  return byKey;
}

/** Sorts by time. Times that restore quota come first, because they may have happened first. */
function momentsOf(admissions: readonly RecordedConsume[], calls: readonly RecordedCall[]): readonly Moment[] {
  const refundedMs = new Map<string, number>();
  for (const call of calls) {
    if (call.kind !== "refund") continue;
    refundedMs.set(call.of, Math.min(call.sentMs, refundedMs.get(call.of) ?? Number.POSITIVE_INFINITY));
  }
  const moments = admissions.flatMap(({ id, cost, sentMs, receivedMs }): Moment[] => {
    const untilMs = refundedMs.get(id);
    const admitted = { atMs: receivedMs, sentMs, units: cost, resets: 0 };
    if (untilMs === undefined) return [admitted];
    return [admitted, { ...admitted, atMs: Math.max(untilMs, receivedMs), units: -cost }];
  });
  for (const { kind, sentMs, receivedMs } of calls) {
    if (kind === "reset") moments.push({ atMs: sentMs, sentMs: receivedMs, units: 0, resets: 1 });
  }
  return moments.sort((a, b) => a.atMs - b.atMs || b.resets - a.resets || a.units - b.units);
}

type Stretch = Omit<OverAdmission, "key" | "policy">;

function worstStretch(
  { inAny, first }: Bounds,
  admissions: readonly RecordedConsume[],
  moments: readonly Moment[],
): Stretch | undefined {
  let worst: Stretch | undefined;
  /** Examines all periods that begin at a time, as long as they can show a fault. */
  function look(fromMs: number, untilMs: number, limitOf: (toMs: number) => number): void {
    let admitted = 0;
    let resets = 0;
    for (const { atMs, sentMs, units, resets: more } of moments) {
      if (sentMs < fromMs) continue;
      if (atMs > untilMs) return;
      admitted += units;
      resets += more;
      if (units <= 0) continue;
      const allowed = limitOf(atMs) * (resets + 1);
      if (admitted - allowed > (worst === undefined ? 0 : worst.admitted - worst.allowed)) {
        worst = { fromMs, toMs: atMs, admitted, allowed };
      }
    }
  }

  const starts = new Set(admissions.map(({ sentMs }) => sentMs));
  for (const fromMs of starts) look(fromMs, Number.POSITIVE_INFINITY, (toMs) => inAny(toMs - fromMs));
  if (first !== undefined && starts.size > 0) {
    const fromMs = Math.min(...starts);
    look(fromMs, fromMs + first.lengthMs - 1, () => first.limit);
  }
  return worst;
}

const BOUNDS: Readonly<Record<string, (policy: Policy) => Bounds>> = {
  "token-bucket": (policy) => {
    const { rate, intervalMs, burst } = policy as TokenBucketPolicy;
    return { inAny: (lengthMs) => burst + Math.floor((rate * lengthMs) / intervalMs) };
  },
  "sliding-log": (policy) => {
    const { limit, windowMs } = policy as SlidingLogPolicy;
    return { inAny: (lengthMs) => limit * (Math.floor(lengthMs / windowMs) + 1) };
  },
  // These windows start with the first request of a key, so two windows may meet at any time.
  "fixed-window": (policy) => ofWindows(policy as FixedWindowPolicy),
  "sliding-window": (policy) => ofWindows(policy as SlidingWindowPolicy),
};

function ofWindows({ limit, windowMs }: FixedWindowPolicy | SlidingWindowPolicy): Bounds {
  return {
    inAny: (lengthMs) => limit * (Math.floor(lengthMs / windowMs) + 2),
    first: { lengthMs: windowMs, limit },
  };
}

function boundsOf(policy: Policy): Bounds {
  const bounds = BOUNDS[policy.algorithm];
  if (bounds === undefined) {
    throw new Error(`overAdmissions supports only ${Object.keys(BOUNDS).join(", ")}, got ${policy.algorithm}`);
  }
  return bounds(policy);
}
