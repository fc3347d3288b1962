import {
  type Admission,
  nextNumber,
  numberBatch,
  numbersOf,
  type Outcome,
  readOutcome,
  type SluiceError,
  unreadableState,
} from "@sluice/core";
import { rowKey, textArray } from "./keys.js";

/** The number by which `v0002_decide.sql` knows each algorithm, and of how many numbers its state is, 0 for any count. */
const ALGORITHMS: Readonly<Record<string, { readonly number: number; readonly width: number }>> = {
  "token-bucket": { number: 1, width: 5 },
  "fixed-window": { number: 2, width: 2 },
  "sliding-window": { number: 3, width: 3 },
  "sliding-log": { number: 4, width: 0 },
};

/** The function's arguments for a batch: see `v0002_decide.sql`. */
export function encodeBatch(admissions: readonly Admission[], nowMs: number | undefined): (string | null)[] {
  const { keys, algorithms, policies, numbers } = numberBatch(admissions, ({ scope, key }) => rowKey(scope, key));
  const fours = policies.flatMap((policy) => {
    const [first = 0, second = 0, third = 0] = numbersOf(policy);
    return [ALGORITHMS[policy.algorithm]?.number, first, second, third];
  });
  return [
    nowMs === undefined ? null : String(nowMs),
    textArray(keys),
    `{${algorithms.map((algorithm) => ALGORITHMS[algorithm]?.width).join()}}`,
    `{${fours.join()}}`,
    `{${numbers.join()}}`,
  ];
}

const UNREADABLE = -1;
const UNDECIDED = -2;

/** One answer for each admission of a batch; `undefined` for one that has to be asked for again. */
export function readAnswers(
  reply: string,
  admissions: readonly Admission[],
): readonly (Outcome | SluiceError | undefined)[] {
  const reader = { numbers: JSON.parse(reply) as readonly number[], at: 0 };
  return admissions.map((admission) => {
    const nowMs = nextNumber(reader);
    const verdict = nextNumber(reader);
    if (verdict === UNDECIDED) return undefined;
    return verdict === UNREADABLE ? unreadableState() : readOutcome(reader, admission, nowMs, verdict === 1);
  });
}
