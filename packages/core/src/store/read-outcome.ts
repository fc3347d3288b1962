import type { Finding } from "../policy/algorithm.js";
import type { Cells } from "../policy/cells.js";
import { epochBefore } from "../policy/epoch.js";
import { fixedWindowAlgorithm } from "../policy/fixed-window.js";
import type { Policy, SlidingLogPolicy, TokenBucketPolicy } from "../policy/policy.js";
import { judgeLog } from "../policy/sliding-log.js";
import { slidingWindowAlgorithm } from "../policy/sliding-window.js";
import { tokenBucketAlgorithm } from "../policy/token-bucket.js";
import { withBlock } from "./entry.js";
import type { Admission, Claim, ClaimFinding, Outcome } from "./store.js";

/** A database's reply, read from number to number. */
export interface ReplyReader {
  readonly numbers: readonly number[];
  at: number;
}

/** The next number of a reply. */
export function nextNumber(reader: ReplyReader): number {
  return reader.numbers[reader.at++] as number;
}

/** What the database said of one claim's state, ready to be judged for any cost. */
type Judge = (claim: Claim, nowMs: number, cost: number) => Finding;

interface CellJudge {
  judge(cells: Cells, at: number, policy: Policy, nowMs: number, cost: number, finding: Finding): void;
}

/** Cells are read into this one array, and judged before it is filled again. */
const cells: number[] = [0, 0, 0, 0, 0];

function judgeCells(algorithm: CellJudge): Judge {
  return ({ policy }, nowMs, cost) => {
    const finding = {
      allowed: false,
      remaining: 0,
      retryAfterMs: undefined,
      resetAfterMs: 0,
      epochMs: 0,
      blocked: false,
    };
    algorithm.judge(cells, 0, policy, nowMs, cost, finding);
    return finding;
  };
}

function readCells(reader: ReplyReader, count: number): void {
  for (let i = 0; i < count; i++) cells[i] = nextNumber(reader);
}

const judgeBucket = judgeCells(tokenBucketAlgorithm as CellJudge);
const judgeFixedWindow = judgeCells(fixedWindowAlgorithm as CellJudge);
const judgeSlidingWindow = judgeCells(slidingWindowAlgorithm as CellJudge);

/**
 * Reads what is reported of each algorithm's state, and returns the judge of it: the arithmetic is the policy's own. Of
 * empty state the epoch is reported that a charge would get; the judge is given the one before it.
 */
const readers: Readonly<Record<string, (reader: ReplyReader, policy: Policy, nowMs: number) => Judge>> = {
  "token-bucket"(reader, policy, nowMs) {
    const { rate, intervalMs } = policy as TokenBucketPolicy;
    readCells(reader, 2);
    cells[2] = rate;
    cells[3] = intervalMs;
    const busySinceMs = nextNumber(reader);
    const isFull = cells[0] === nowMs && cells[1] === 0;
    cells[4] = isFull ? busySinceMs - 1 : busySinceMs;
    return judgeBucket;
  },
  "fixed-window"(reader) {
    readCells(reader, 2);
    if (cells[1] === 0) cells[0] = epochBefore(cells[0] as number);
    return judgeFixedWindow;
  },
  "sliding-window"(reader) {
    readCells(reader, 3);
    if (cells[1] === 0 && cells[2] === 0) cells[0] = epochBefore(cells[0] as number);
    return judgeSlidingWindow;
  },
  "sliding-log"(reader) {
    const [used, newestMs, fitsAtMs] = [nextNumber(reader), nextNumber(reader), nextNumber(reader)];
    const summary = {
      used,
      newestMs: newestMs === -1 ? undefined : newestMs,
      fitsAtMs: fitsAtMs === -1 ? undefined : fitsAtMs,
    };
    return ({ policy }, nowMs, cost) => judgeLog(summary, policy as SlidingLogPolicy, nowMs, cost);
  },
};

/** The algorithms whose reports {@link readOutcome} reads. */
export const reportedAlgorithms: ReadonlySet<string> = new Set(Object.keys(readers));

/**
 * The outcome of an admission that a database decided at `nowMs`. The reply has for each claim, in order, whole numbers:
 * the time until which its key is blocked; and its state, as the charge left it if there was one: `fullAtMs`,
 * `numerator` and `busySinceMs` of a token bucket, settled to the policy's numbers; `startMs` and `used` of a fixed
 * window; `startMs`, `previous` and `current` of a sliding window; or of a sliding log the units `used` in the window,
 * the name of the newest grant (-1 for none) and the time at which the cost fits (-1 for now and for never). Where nothing
 * is used, `busySinceMs` and `startMs` are the name of the period that a charge would begin (see `epoch.ts`).
 */
export function readOutcome(reader: ReplyReader, admission: Admission, nowMs: number, allowed: boolean): Outcome {
  const charged = allowed && admission.charge;
  return { allowed, nowMs, findings: admission.claims.map((claim) => readFinding(reader, claim, nowMs, charged)) };
}

function readFinding(reader: ReplyReader, claim: Claim, nowMs: number, charged: boolean): ClaimFinding {
  const blockedUntilMs = nextNumber(reader);
  const judge = (readers[claim.policy.algorithm] as (typeof readers)[string])(reader, claim.policy, nowMs);
  // After a charge the state is what it left behind. Otherwise it is as it stands, and the cost is only asked about.
  const stands = judge(claim, nowMs, 0);
  if (charged) return withBlock(stands, 0, nowMs);
  const asked = judge(claim, nowMs, claim.cost);
  return withBlock(asked.allowed ? { ...stands, epochMs: asked.epochMs } : asked, blockedUntilMs, nowMs);
}
