import {
  type Admission,
  builtInAlgorithms,
  nextNumber,
  numberBatch,
  type Outcome,
  type ReplyReader,
  readOutcome,
  remoteFormOf,
  type SluiceError,
  unreadableState,
} from "@sluice/core/store";
import { rowKey, textArray } from "./keys.js";
import { parseReply, unreadableReply } from "./reply.js";

/** A batch as the function takes it. */
export interface EncodedBatch {
  readonly keys: readonly string[];
  /** The function's arguments: see the SQL of `decide`. */
  readonly values: readonly (string | null)[];
}

/** @param waits whether the batch may wait for rows that other transactions hold */
export function encodeBatch(admissions: readonly Admission[], nowMs: number | undefined, waits: boolean): EncodedBatch {
  const { keys, algorithms, policies, numbers } = numberBatch(admissions, ({ scope, key }) => rowKey(scope, key));
  const fours = policies.flatMap((policy) => {
    const { number, numbers } = remoteFormOf(policy.algorithm);
    const [first = 0, second = 0, third = 0] = numbers(policy);
    return [number, first, second, third];
  });
  return {
    keys,
    values: [
      nowMs === undefined ? null : String(nowMs),
      textArray(keys),
      `{${algorithms.map((algorithm) => builtInAlgorithms.get(algorithm)?.width ?? 0).join()}}`,
      `{${fours.join()}}`,
      `{${numbers.join()}}`,
      String(waits),
    ],
  };
}

const UNREADABLE = -1;
const UNDECIDED = -2;
const ROW_HELD = -3;
const READ_ONLY = -4;

/** Why an admission was not decided: see the SQL of `decide`. */
export type Undecided =
  | { readonly because: "changed" | "readOnly" }
  | { readonly because: "held"; readonly rowKey: string };

/** One answer for each admission of a batch. */
export function readAnswers(
  reply: string,
  admissions: readonly Admission[],
  { keys }: EncodedBatch,
): readonly (Outcome | SluiceError | Undecided)[] {
  const reader = { numbers: numbersIn(reply), at: 0 };
  const answers = admissions.map((admission) => {
    const nowMs = nextNumber(reader);
    const verdict = nextNumber(reader);
    switch (verdict) {
      case UNREADABLE:
        return unreadableState();
      case UNDECIDED:
        return { because: "changed" } as const;
      case READ_ONLY:
        return { because: "readOnly" } as const;
      case ROW_HELD:
        return { because: "held", rowKey: keys[nextNumber(reader) - 1] as string } as const;
      default:
        return readOutcome(reader, admission, nowMs, verdict === 1);
    }
  });
  if (reader.at !== reader.numbers.length) throw unreadableReply(reply);
  return answers;
}

function numbersIn(reply: string): ReplyReader["numbers"] {
  const numbers = parseReply(reply);
  if (!Array.isArray(numbers) || !numbers.every(Number.isSafeInteger)) throw unreadableReply(reply);
  return numbers;
}
