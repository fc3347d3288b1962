import { createLimiter, type Decision, type Limiter, type Policy, type Store } from "@sluice/core";
import { refundEntry } from "@sluice/core/kit";
import { type ClaimFinding, can, type DecidingStore, type Outcome } from "@sluice/core/store";
import type { Operation, PlainClaim } from "../operation.js";
import { type Decided, type Observation, scoped } from "../reference.js";

/** A store on which the calls of a sequence are made. */
export interface Target {
  apply(operation: Operation): Promise<unknown>;
  /** The part of the reference's result that the target returns. */
  visible(expected: Observation): unknown;
}

/** A new target with a prefix: `decide` if the store has it, otherwise a limiter. */
export function createTarget(store: Store, prefix: string): Target {
  return can(store, "decide") ? decidingTarget(store, prefix) : limiterTarget(store, prefix);
}

function decidingTarget(store: DecidingStore, prefix: string): Target {
  const limiters = createLimiters(store, prefix);
  const grants = createGrants<{ claims: readonly PlainClaim[]; decided: Decided }>();

  async function decide(claims: readonly PlainClaim[], charge: boolean, nowMs: number): Promise<Decided> {
    const admission = { claims: claims.map((claim) => scoped(claim, prefix)), charge };
    // A memory store may reuse the object in its next call.
    const answer = store.decide(admission, { nowMs });
    return "then" in answer ? answer.then(copyOf) : copyOf(answer);
  }

  return {
    visible: (expected) => expected,
    async apply(operation) {
      const { kind, lane, nowMs } = operation;
      if (kind === "consume" || kind === "peek") {
        const decided = await decide(operation.claims, kind === "consume", nowMs);
        if (decided.allowed && kind === "consume") grants.add(lane, { claims: operation.claims, decided });
        return decided;
      }
      if (kind !== "refund") return limiters.apply(operation);
      const grant = grants.take(lane, operation.which);
      if (grant === undefined) return undefined;
      const given = grant.claims.map(async (claim, i) => {
        const { scope, key } = scoped(claim, prefix);
        const { nowMs: chargedAtMs, findings } = grant.decided;
        const { epochMs } = findings[i] as ClaimFinding;
        const change = refundEntry({ ...claim, scope }, epochMs, chargedAtMs);
        let changed = false;
        await store.atomicUpdate<Parameters<typeof change>[0]>(
          scope + key,
          (entry, now) => {
            const next = change(entry, now);
            changed = next !== undefined;
            return next;
          },
          { nowMs },
        );
        return changed;
      });
      return (await Promise.all(given)).includes(true);
    },
  };
}

function limiterTarget(store: Store, prefix: string): Target {
  const limiters = createLimiters(store, prefix);
  const grants = createGrants<{ limiter: Limiter; decision: Decision }>();

  return {
    visible(expected) {
      if (typeof expected !== "object") return expected;
      const findings = expected.findings.map(({ epochMs: _, ...finding }) => finding);
      return { allowed: expected.allowed, findings };
    },
    async apply(operation) {
      const { kind, lane, nowMs } = operation;
      if (kind === "refund") {
        const grant = grants.take(lane, operation.which);
        return grant && limiters.at(nowMs, grant.limiter).refund(grant.decision);
      }
      if (kind !== "consume" && kind !== "peek") return limiters.apply(operation);
      const limiter = limiters.of(operation.claims.map(({ policy }) => policy));
      const keys = Object.fromEntries(operation.claims.map(({ policy, key }) => [policy.name, key]));
      const cost = operation.claims[0]?.cost ?? 1;
      const decision = await limiters.at(nowMs, limiter)[kind](keys, { cost });
      if (decision.error !== undefined) throw decision.error;
      if (decision.allowed && kind === "consume") grants.add(lane, { limiter, decision });
      const findings = decision.policies.map(({ policy: _, limit: __, windowMs: ___, ...finding }) => finding);
      return { allowed: decision.allowed, findings };
    },
  };
}

/** Grants that may be refunded, by lane. */
function createGrants<G>(): { add(lane: number, grant: G): void; take(lane: number, which: number): G | undefined } {
  const lanes = new Map<number, G[]>();
  return {
    add(lane, grant) {
      lanes.set(lane, [...(lanes.get(lane) ?? []), grant]);
    },
    take(lane, which) {
      const grants = lanes.get(lane) ?? [];
      return grants.splice(which % grants.length, 1)[0];
    },
  };
}

interface Limiters {
  of(policies: readonly Policy[]): Limiter;
  /** Sets the clock to `nowMs`, and returns the limiter, which reads its clock during a call. */
  at(nowMs: number, limiter: Limiter): Limiter;
  /** Makes the calls that do not depend on earlier ones. */
  apply(operation: Operation): Promise<void>;
}

function createLimiters(store: Store, prefix: string): Limiters {
  const made = new Map<string, Limiter>();
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, sleep: () => Promise.reject(new Error("nothing sleeps here")) };

  const limiters: Limiters = {
    of(policies) {
      const id = JSON.stringify(policies);
      const limiter =
        made.get(id) ?? createLimiter({ store, policies, prefix, clock, timeout: "30s", denyCache: false });
      made.set(id, limiter);
      return limiter;
    },
    at(atMs, limiter) {
      nowMs = atMs;
      return limiter;
    },
    async apply(operation) {
      if (operation.kind !== "block" && operation.kind !== "reset") return;
      const { policy, key } = operation;
      const limiter = limiters.at(operation.nowMs, limiters.of([policy]));
      if (operation.kind === "block") await limiter.block({ [policy.name]: key }, operation.durationMs);
      else await limiter.reset({ [policy.name]: key });
    },
  };
  return limiters;
}

function copyOf({ allowed, nowMs, findings }: Outcome): Decided {
  return {
    allowed,
    nowMs,
    findings: findings.map((finding) => ({
      allowed: finding.allowed,
      remaining: finding.remaining,
      retryAfterMs: finding.retryAfterMs,
      resetAfterMs: finding.resetAfterMs,
      epochMs: finding.epochMs,
      blocked: finding.blocked,
    })),
  };
}
