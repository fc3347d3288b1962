import type { Policy } from "@sluice/core";
import { blockEntry, clearEntry, refundEntry, scopeOf } from "@sluice/core/kit";
import { type Admission, type Claim, type ClaimFinding, decideEntries, type Entry } from "@sluice/core/store";
import type { Operation, PlainClaim } from "./operation.js";

/** The result of a decision. */
export interface Decided {
  readonly allowed: boolean;
  readonly nowMs: number;
  readonly findings: readonly ClaimFinding[];
}

/** The result of a call: a decision, whether a refund restored anything, or undefined. */
export type Observation = Decided | boolean | undefined;

/** The expected results of a sequence of calls. */
export interface Reference {
  apply(operation: Operation): Observation;
}

interface Grant {
  readonly claims: readonly Claim[];
  readonly epochsMs: readonly number[];
  readonly chargedAtMs: number;
}

/**
 * The reference: core's pure functions on a `Map`. The algorithms handle expiry, because they treat old state as
 * absent.
 */
export function createReference(): Reference {
  const entries = new Map<string, Entry>();
  const grantsOf = new Map<number, Grant[]>();

  function decide({ claims, charge }: Admission, nowMs: number, lane: number): Decided {
    const keys = claims.map(entryKey);
    const found = keys.map((key) => entries.get(key));
    const { outcome, writes } = decideEntries({ claims, charge }, found, nowMs);
    writes.forEach((next, i) => {
      if (next !== undefined) entries.set(keys[i] as string, next.state);
    });
    if (outcome.allowed && charge) {
      const grants = grantsOf.get(lane) ?? [];
      const epochsMs = outcome.findings.map(({ epochMs }) => epochMs);
      grantsOf.set(lane, [...grants, { claims, epochsMs, chargedAtMs: nowMs }]);
    }
    return outcome;
  }

  function refund(which: number, nowMs: number, lane: number): boolean | undefined {
    const grants = grantsOf.get(lane) ?? [];
    const [grant] = grants.splice(which % grants.length, 1);
    if (grant === undefined) return undefined;
    return grant.claims
      .map((claim, i) => {
        const key = entryKey(claim);
        const change = refundEntry(claim, grant.epochsMs[i] as number, grant.chargedAtMs);
        const next = change(entries.get(key), nowMs);
        if (next !== undefined) entries.set(key, next.state);
        return next !== undefined;
      })
      .includes(true);
  }

  return {
    apply(operation) {
      const { kind, nowMs, lane } = operation;
      switch (kind) {
        case "refund":
          return refund(operation.which, nowMs, lane);
        case "block": {
          const claim = claimOf(operation);
          const entry = entries.get(entryKey(claim));
          entries.set(entryKey(claim), blockEntry(entry, claim.policy, nowMs, operation.durationMs).state);
          return undefined;
        }
        case "reset": {
          const claim = claimOf(operation);
          const entry = entries.get(entryKey(claim));
          const cleared = entry && clearEntry(claim, entry, nowMs);
          if (cleared === undefined) entries.delete(entryKey(claim));
          else entries.set(entryKey(claim), cleared.state);
          return undefined;
        }
        default:
          return decide(
            { claims: operation.claims.map((claim) => scoped(claim)), charge: kind === "consume" },
            nowMs,
            lane,
          );
      }
    },
  };
}

/** Adds the scope with a prefix to a claim. */
export function scoped(claim: PlainClaim, prefix = "reference"): Claim {
  return { ...claim, scope: scopeOf(prefix, claim.policy) };
}

function claimOf({ policy, key }: { readonly policy: Policy; readonly key: string }): Claim {
  return scoped({ policy, key, cost: 1 });
}

function entryKey({ scope, key }: Claim): string {
  return scope + key;
}
