import type { Admission, CallOptions, Claim, ClaimFinding, MaybePromise, Outcome } from "./store.js";

/** How {@link decideInOrder} decides a part, and takes a charge back. */
export interface PartDecider {
  decide(part: Admission, options: CallOptions | undefined): MaybePromise<Outcome>;
  /** Refunds a claim that was charged at `chargedAtMs`. */
  undo(claim: Claim, finding: ClaimFinding, options: CallOptions | undefined, chargedAtMs: number): Promise<unknown>;
}

/** The positions of an admission's claims, grouped by the place that can decide them together. */
export function partsOf(admission: Admission, placeOf: (claim: Claim) => string | number): readonly number[][] {
  const parts = new Map<string | number, number[]>();
  admission.claims.forEach((claim, position) => {
    const place = placeOf(claim);
    const part = parts.get(place);
    if (part === undefined) parts.set(place, [position]);
    else part.push(position);
  });
  return [...parts.values()];
}

/**
 * Decides an admission whose claims lie in places that can't decide together: looks at all of them first, so that a
 * denial writes nothing; then charges one after the other, and takes the charges back when a later part denies after
 * all. Never grants one too many. It is not atomic: between a charge and its undoing others may be denied who would
 * otherwise have been granted, and a process that dies in between leaves the charge standing until its window ends.
 */
export async function decideInOrder(
  admission: Admission,
  parts: readonly (readonly number[])[],
  decider: PartDecider,
  options: CallOptions | undefined,
): Promise<Outcome> {
  const part = (positions: readonly number[], charge: boolean): Admission => ({
    claims: positions.map((position) => admission.claims[position] as Claim),
    charge,
  });

  const looks = await Promise.all(parts.map((positions) => decider.decide(part(positions, false), options)));
  const looked = joinOutcomes(parts, looks);
  if (!looked.allowed || !admission.charge) return looked;

  const charged: Outcome[] = [];
  const undo = () =>
    Promise.all(
      charged.flatMap((outcome, i) =>
        outcome.findings.map((finding, j) =>
          decider.undo(admission.claims[parts[i]?.[j] as number] as Claim, finding, options, outcome.nowMs),
        ),
      ),
    );
  for (const positions of parts) {
    let outcome: Outcome;
    try {
      outcome = await decider.decide(part(positions, true), options);
    } catch (error) {
      // The failure is what the caller must hear of, also when the store that failed can't undo either.
      await undo().catch(() => {});
      throw error;
    }
    if (!outcome.allowed) {
      await undo();
      return joinOutcomes(parts, [...looks.slice(0, charged.length), outcome, ...looks.slice(charged.length + 1)]);
    }
    charged.push(outcome);
  }
  return joinOutcomes(parts, charged);
}

/** The outcome of an admission whose parts were decided apart, from theirs. */
export function joinOutcomes(parts: readonly (readonly number[])[], outcomes: readonly Outcome[]): Outcome {
  const findings: ClaimFinding[] = [];
  outcomes.forEach((outcome, i) => {
    outcome.findings.forEach((finding, j) => {
      findings[parts[i]?.[j] as number] = finding;
    });
  });
  return {
    allowed: outcomes.every((outcome) => outcome.allowed),
    nowMs: Math.max(...outcomes.map((outcome) => outcome.nowMs)),
    findings,
  };
}
