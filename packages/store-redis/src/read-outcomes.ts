import { type Admission, nextNumber, type Outcome, readOutcome, type SluiceError, unreadableState } from "@sluice/core";

/** One answer for each admission of a batch, or the error for one whose state can't be read. */
export function readOutcomes(reply: unknown, admissions: readonly Admission[]): readonly (Outcome | SluiceError)[] {
  const reader = { numbers: reply as readonly number[], at: 0 };
  const nowMs = nextNumber(reader);
  return admissions.map((admission) => {
    const verdict = nextNumber(reader);
    return verdict === -1 ? unreadableState() : readOutcome(reader, admission, nowMs, verdict === 1);
  });
}
