import { type Admission, type Outcome, readOutcome, type SluiceError, unreadableState } from "@sluice/core";

/** One answer for each admission of a batch, or the error for one whose state can't be read. */
export function readOutcomes(reply: unknown, admissions: readonly Admission[]): readonly (Outcome | SluiceError)[] {
  const numbers = reply as readonly number[];
  let at = 0;
  const next = (): number => numbers[at++] as number;
  const nowMs = next();
  return admissions.map((admission) => {
    const verdict = next();
    return verdict === -1 ? unreadableState() : readOutcome(next, admission, nowMs, verdict === 1);
  });
}
