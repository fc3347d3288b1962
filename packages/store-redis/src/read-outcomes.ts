import {
  type Admission,
  nextNumber,
  type Outcome,
  readOutcome,
  type SluiceError,
  unreadableState,
} from "@sluice/core/store";
import { storeFailed } from "./failures.js";
import { arrayReply, integersReply, malformedReply, textReply } from "./replies.js";

const UNREADABLE = -1;
const REFUSED = -2;

/**
 * One answer for each admission of a batch, or the error for one whose state can't be read, or whose charge the server
 * refused to write.
 */
export function readOutcomes(reply: unknown, admissions: readonly Admission[]): readonly (Outcome | SluiceError)[] {
  const { numbers, refusal } = partsOfReply(arrayReply(reply));
  const reader = { numbers, at: 0 };
  const nowMs = nextNumber(reader);
  const answers = admissions.map((admission) => {
    const verdict = nextNumber(reader);
    if (verdict === UNREADABLE) return unreadableState();
    if (verdict === REFUSED && refusal !== undefined) return storeFailed(new Error(refusal));
    return readOutcome(reader, admission, nowMs, verdict === 1);
  });
  if (reader.at !== numbers.length) throw malformedReply(`${numbers.length} numbers instead of ${reader.at}`);
  return answers;
}

interface ReplyParts {
  readonly numbers: readonly number[];
  /** The server's error, where it refused to write. */
  readonly refusal: string | undefined;
}

function partsOfReply(reply: readonly unknown[]): ReplyParts {
  const last = reply.at(-1);
  const text = typeof last === "string" || last instanceof Uint8Array ? textReply(last) : "0";
  // Some clients return numbers as text, too.
  if (/^-?\d+$/.test(text)) return { numbers: integersReply(reply), refusal: undefined };
  return { numbers: integersReply(reply.slice(0, -1)), refusal: text };
}
