import { type Admission, nextNumber, type Outcome, readOutcome, type SluiceError, unreadableState } from "@sluice/core";
import { integersReply, malformedReply } from "./replies.js";

/** One answer for each admission of a batch, or the error for one whose state can't be read. */
export function readOutcomes(reply: unknown, admissions: readonly Admission[]): readonly (Outcome | SluiceError)[] {
  const reader = { numbers: integersReply(reply), at: 0 };
  const nowMs = nextNumber(reader);
  const answers = admissions.map((admission) => {
    const verdict = nextNumber(reader);
    return verdict === -1 ? unreadableState() : readOutcome(reader, admission, nowMs, verdict === 1);
  });
  if (reader.at !== reader.numbers.length)
    throw malformedReply(`${reader.numbers.length} values instead of ${reader.at}`);
  return answers;
}
