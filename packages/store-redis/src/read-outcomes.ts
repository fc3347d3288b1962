import { type Admission, nextNumber, type Outcome, readOutcome, SluiceError, unreadableState } from "@sluice/core";

const UNREADABLE = -1;
const REFUSED = -2;

/**
 * One answer for each admission of a batch, or the error for one whose state can't be read, or whose charge the server
 * refused to write.
 *
 * @throws SluiceError `STORE_FAILED` for a reply that is not the script's
 */
export function readOutcomes(reply: unknown, admissions: readonly Admission[]): readonly (Outcome | SluiceError)[] {
  const values: readonly unknown[] = Array.isArray(reply) ? reply : [];
  // Large numbers are texts, and with some settings of clients all numbers are.
  const reader = { numbers: values.map(Number), at: 0 };
  const nowMs = nextNumber(reader);
  if (!Number.isSafeInteger(nowMs)) {
    throw new SluiceError("STORE_FAILED", "Redis failed: the client returned no list of whole numbers for a script");
  }
  return admissions.map((admission) => {
    const verdict = nextNumber(reader);
    if (verdict === UNREADABLE) return unreadableState();
    if (verdict === REFUSED) return writeRefused(values.at(-1));
    return readOutcome(reader, admission, nowMs, verdict === 1);
  });
}

function writeRefused(message: unknown): SluiceError {
  return new SluiceError("STORE_FAILED", `Redis refused to write: ${message}`, { cause: new Error(String(message)) });
}
