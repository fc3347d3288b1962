import { remoteFormOf } from "../algorithm/built-in.js";
import type { ReplyReader } from "../algorithm/built-in-algorithm.js";
import type { Policy } from "../algorithm/policy.js";
import { nextNumber } from "../algorithm/reply.js";
import { withBlock } from "./entry.js";
import type { Admission, Claim, ClaimFinding, Outcome } from "./store.js";

/** A batch of admissions as data for a database that decides it. */
export interface NumberedBatch {
  /** The keys of the entries, without duplicates. */
  readonly keys: readonly string[];
  /** The algorithm of each key's state. */
  readonly algorithms: readonly string[];
  readonly policies: readonly Policy[];
  /**
   * For each admission: 1 to charge or 0 to look, the number of claims, and then for each claim its entry, its policy and
   * its cost. Entries and policies are counted from 1.
   */
  readonly numbers: readonly number[];
}

/** Converts a batch of admissions to data, with each key and policy once. `keyOf` names the entry of a claim. */
export function numberBatch(admissions: readonly Admission[], keyOf: (claim: Claim) => string): NumberedBatch {
  const keys = numbering<string>();
  const policies = numbering<Policy>();
  const algorithms: string[] = [];
  const numbers: number[] = [];
  let last: Claim | undefined;
  let entry = 0;
  let policy = 0;
  for (const { claims, charge } of admissions) {
    numbers.push(charge ? 1 : 0, claims.length);
    for (const claim of claims) {
      // Claims on a popular key follow each other, so nothing has to be looked up.
      if (claim.policy !== last?.policy) policy = policies.of(claim.policy);
      if (claim.key !== last?.key || claim.scope !== last.scope) {
        entry = keys.of(keyOf(claim));
        algorithms[entry - 1] = claim.policy.algorithm;
      }
      numbers.push(entry, policy, claim.cost);
      last = claim;
    }
  }
  return { keys: keys.things, algorithms, policies: policies.things, numbers };
}

/** Numbers distinct things in the order of their first use, from 1 as Lua and SQL count. */
function numbering<T>(): { of(thing: T): number; readonly things: readonly T[] } {
  const numbers = new Map<T, number>();
  const things: T[] = [];
  return {
    things,
    of(thing) {
      let number = numbers.get(thing);
      if (number === undefined) {
        number = things.push(thing);
        numbers.set(thing, number);
      }
      return number;
    },
  };
}

/** Groups neighbouring calls with the same explicit time. There is one group, unless tests set times. */
export function groupsByTime<C extends { readonly nowMs: number | undefined }>(calls: readonly C[]): readonly C[][] {
  const groups: C[][] = [];
  for (const call of calls) {
    const group = groups.at(-1);
    if (group !== undefined && group[0]?.nowMs === call.nowMs) group.push(call);
    else groups.push([call]);
  }
  return groups;
}

/**
 * The outcome of an admission that a database decided at `nowMs`. For each claim, in order, the reply has whole numbers:
 * the time until which the key is blocked, and its state. The state is corrected for the policy's numbers, includes any
 * charge, and has the numbers that the algorithm's {@link RemoteForm} reads. If nothing is used, it names the window that a
 * charge would begin (see `epoch.ts`).
 */
export function readOutcome(reply: ReplyReader, admission: Admission, nowMs: number, allowed: boolean): Outcome {
  const charged = allowed && admission.charge;
  return { allowed, nowMs, findings: admission.claims.map((claim) => readFinding(reply, claim, nowMs, charged)) };
}

function readFinding(reply: ReplyReader, { policy, cost }: Claim, nowMs: number, charged: boolean): ClaimFinding {
  const blockedUntilMs = nextNumber(reply);
  const judge = remoteFormOf(policy.algorithm).read(reply, policy, nowMs);
  // After a charge, the state includes it. Otherwise it is the current state, and the cost was only checked.
  const stands = judge(policy, nowMs, 0);
  if (charged) return withBlock(stands, 0, nowMs);
  const asked = judge(policy, nowMs, cost);
  return withBlock(asked.allowed ? { ...stands, epochMs: asked.epochMs } : asked, blockedUntilMs, nowMs);
}
