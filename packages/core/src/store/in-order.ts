import type { SluiceError } from "../errors.js";
import type { MaybePromise } from "../maybe-promise.js";
import { storeTimeout } from "./deadlines.js";
import type { Admission, CallOptions, Claim, ClaimFinding, Outcome } from "./store.js";

/** The functions by which {@link decideInOrder} decides a part and undoes a charge. */
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
 * Decides an admission whose claims are in places that can't decide together. Looks at all of them first, so that a denial
 * writes nothing. Then charges one after the other. If a later part denies after all or can't be charged by the deadline,
 * undoes the earlier charges. Never grants too much, but is not atomic: between a charge and its undoing, requests may be
 * denied that would have been granted. If the process dies in between, the charge stays until its window ends.
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

  const undo = (positions: readonly number[], { findings, nowMs }: Outcome): Promise<unknown> => {
    // Later than the admission's deadline, because a charge for a request that was not granted must not remain.
    const undoOptions: CallOptions = { nowMs: options?.nowMs, deadlineMs: performance.now() + UNDO_MS };
    return Promise.all(
      findings.map((finding, i) =>
        decider.undo(admission.claims[positions[i] as number] as Claim, finding, undoOptions, nowMs),
      ),
    );
  };

  /** Charges a part within the deadline. A charge that is made later is undone. */
  async function chargeInTime(positions: readonly number[]): Promise<Outcome> {
    const deadlineMs = options?.deadlineMs ?? Number.POSITIVE_INFINITY;
    if (performance.now() >= deadlineMs) throw tooLate();
    const charging = Promise.resolve(decider.decide(part(positions, true), options));
    const outcome = await untilDeadline(charging, deadlineMs);
    if (outcome !== undefined) return outcome;
    charging.then((late) => late.allowed && undo(positions, late)).catch(() => {});
    throw tooLate();
  }

  const looks = await Promise.all(parts.map((positions) => decider.decide(part(positions, false), options)));
  const looked = joinOutcomes(parts, looks);
  if (!looked.allowed || !admission.charge) return looked;

  const charged: Outcome[] = [];
  const undoAll = (): Promise<unknown> =>
    Promise.all(charged.map((outcome, i) => undo(parts[i] as readonly number[], outcome)));
  for (const positions of parts) {
    let outcome: Outcome;
    try {
      outcome = await chargeInTime(positions);
    } catch (error) {
      // The caller gets this failure even if the failed store can't undo charges either.
      await undoAll().catch(() => {});
      throw error;
    }
    if (!outcome.allowed) {
      await undoAll();
      return joinOutcomes(parts, [...looks.slice(0, charged.length), outcome, ...looks.slice(charged.length + 1)]);
    }
    charged.push(outcome);
  }
  return joinOutcomes(parts, charged);
}

/** The maximum time for undoing a charge. */
const UNDO_MS = 5_000;

function tooLate(): SluiceError {
  return storeTimeout("several keys could not be charged in time; charges that were made are undone");
}

/** The result, or `undefined` if it comes after the deadline. */
function untilDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T | undefined> {
  if (deadlineMs === Number.POSITIVE_INFINITY) return work;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), Math.max(0, deadlineMs - performance.now()));
    work
      .then((value) => resolve(performance.now() < deadlineMs ? value : undefined), reject)
      .finally(() => clearTimeout(timer));
  });
}

/** The outcome of an admission, from the outcomes of its parts. */
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
