import { type Admission, nextNumber, type Outcome, readOutcome, SluiceError, unreadableState } from "@sluice/core";

const UNREADABLE = -1;
const REFUSED = -2;

/**
 * One answer for each admission of a batch, or the error for one whose state can't be read, or whose charge the server
 * refused to write.
 */
export function readOutcomes(reply: unknown, admissions: readonly Admission[]): readonly (Outcome | SluiceError)[] {
  const reader = { numbers: reply as readonly number[], at: 0 };
  const nowMs = nextNumber(reader);
  return admissions.map((admission) => {
    const verdict = nextNumber(reader);
    if (verdict === UNREADABLE) return unreadableState();
    if (verdict === REFUSED) return writeRefused((reply as readonly unknown[]).at(-1));
    return readOutcome(reader, admission, nowMs, verdict === 1);
  });
}

function writeRefused(message: unknown): SluiceError {
  return new SluiceError("STORE_FAILED", `Redis refused to write: ${message}`, { cause: new Error(String(message)) });
}
