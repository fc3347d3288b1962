import { joinOutcomes } from "@sluice/core/kit";
import type { Admission, CallOptions, Claim, ClaimFinding, Outcome, SynchronousStore } from "@sluice/core/store";

/** Copies an outcome, because a synchronous store may reuse the object in its next call. */
export function copyOf({ allowed, nowMs, findings }: Outcome): Outcome {
  return { allowed, nowMs, findings: findings.map((finding) => ({ ...finding })) };
}

/**
 * Decides an admission whose claims are in several synchronous stores: looks at all of them, and then charges all. Nothing
 * else runs in between, so a denial after the look is only possible if the clock was set back. Then calls `undo` with what
 * was charged.
 */
export function decideAtOnce(
  admission: Admission,
  parts: readonly (readonly number[])[],
  storeOf: (claim: Claim) => SynchronousStore,
  undo: (claim: Claim, finding: ClaimFinding, chargedAtMs: number) => void,
  options: CallOptions | undefined,
): Outcome {
  const decide = (positions: readonly number[], charge: boolean): Outcome => {
    const claims = positions.map((position) => admission.claims[position] as Claim);
    return copyOf(storeOf(claims[0] as Claim).decide({ claims, charge }, options));
  };
  const looked = joinOutcomes(
    parts,
    parts.map((positions) => decide(positions, false)),
  );
  if (!looked.allowed || !admission.charge) return looked;
  const outcomes = parts.map((positions) => decide(positions, true));
  const joined = joinOutcomes(parts, outcomes);
  if (joined.allowed) return joined;
  parts.forEach((positions, i) => {
    const outcome = outcomes[i];
    if (!outcome?.allowed) return;
    for (const position of positions) {
      undo(admission.claims[position] as Claim, joined.findings[position] as ClaimFinding, outcome.nowMs);
    }
  });
  return joined;
}
