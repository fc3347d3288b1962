import { remoteFormOf } from "../algorithm/built-in.js";
import type { ReplyReader } from "../algorithm/built-in-algorithm.js";
import { nextNumber } from "../algorithm/reply.js";
import { withBlock } from "./entry.js";
import type { Admission, Claim, ClaimFinding, Outcome } from "./store.js";

/**
 * The outcome of an admission that a database decided at `nowMs`. For each claim, in order, the reply has whole
 * numbers: the time until which its key is blocked; and its state, settled to the policy's numbers and after the charge
 * if there was one, in the numbers that the algorithm's {@link RemoteForm} reads. If nothing is used, the name of a
 * window is that of the window that a charge would begin (see `epoch.ts`).
 */
export function readOutcome(reply: ReplyReader, admission: Admission, nowMs: number, allowed: boolean): Outcome {
  const charged = allowed && admission.charge;
  return { allowed, nowMs, findings: admission.claims.map((claim) => readFinding(reply, claim, nowMs, charged)) };
}

function readFinding(reply: ReplyReader, { policy, cost }: Claim, nowMs: number, charged: boolean): ClaimFinding {
  const blockedUntilMs = nextNumber(reply);
  const judge = remoteFormOf(policy.algorithm).read(reply, policy, nowMs);
  // After a charge, the state is the result of the charge. Otherwise it is the current state, and the cost was only
  // checked.
  const stands = judge(policy, nowMs, 0);
  if (charged) return withBlock(stands, 0, nowMs);
  const asked = judge(policy, nowMs, cost);
  return withBlock(asked.allowed ? { ...stands, epochMs: asked.epochMs } : asked, blockedUntilMs, nowMs);
}
