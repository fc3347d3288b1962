import {
  type Admission,
  type Cells,
  type Claim,
  type ClaimFinding,
  type Finding,
  fixedWindowAlgorithm,
  judgeLog,
  type Outcome,
  type Policy,
  type SlidingLogPolicy,
  type SluiceError,
  slidingWindowAlgorithm,
  type TokenBucketPolicy,
  tokenBucketAlgorithm,
  unreadableState,
  withBlock,
} from "@sluice/core";

/** What the script said of one claim's state, ready to be judged for any cost. */
type Judge = (claim: Claim, nowMs: number, cost: number) => Finding;

/** Reads a script's reply from number to number. */
interface Reader {
  readonly numbers: readonly number[];
  at: number;
}

function next(reader: Reader): number {
  return reader.numbers[reader.at++] as number;
}

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

function readCells(reader: Reader, count: number): void {
  for (let i = 0; i < count; i++) cells[i] = next(reader);
}

const judgeBucket = judgeCells(tokenBucketAlgorithm as CellJudge);
const judgeFixedWindow = judgeCells(fixedWindowAlgorithm as CellJudge);
const judgeSlidingWindow = judgeCells(slidingWindowAlgorithm as CellJudge);

/** Reads what each algorithm's `report` in Lua added, and returns the judge of it. */
const readers: Readonly<Record<string, (reader: Reader, policy: Policy) => Judge>> = {
  "token-bucket"(reader, policy) {
    const { rate, intervalMs } = policy as TokenBucketPolicy;
    readCells(reader, 2);
    cells[2] = rate;
    cells[3] = intervalMs;
    cells[4] = next(reader);
    return judgeBucket;
  },
  "fixed-window"(reader) {
    readCells(reader, 2);
    return judgeFixedWindow;
  },
  "sliding-window"(reader) {
    readCells(reader, 3);
    return judgeSlidingWindow;
  },
  "sliding-log"(reader) {
    const [used, newestMs, fitsAtMs] = [next(reader), next(reader), next(reader)];
    const summary = {
      used,
      newestMs: newestMs === -1 ? undefined : newestMs,
      fitsAtMs: fitsAtMs === -1 ? undefined : fitsAtMs,
    };
    return ({ policy }, nowMs, cost) => judgeLog(summary, policy as SlidingLogPolicy, nowMs, cost);
  },
};

/** The algorithms that the scripts know. */
export const ALGORITHMS: ReadonlySet<string> = new Set(Object.keys(readers));

/** One answer for each admission of a batch, or the error for one whose state can't be read. */
export function readOutcomes(reply: unknown, admissions: readonly Admission[]): readonly (Outcome | SluiceError)[] {
  const reader: Reader = { numbers: reply as readonly number[], at: 0 };
  const nowMs = next(reader);
  return admissions.map(({ claims, charge }) => {
    const verdict = next(reader);
    if (verdict === -1) return unreadableState();
    const allowed = verdict === 1;
    return { allowed, nowMs, findings: claims.map((claim) => readFinding(reader, claim, nowMs, allowed && charge)) };
  });
}

function readFinding(reader: Reader, claim: Claim, nowMs: number, charged: boolean): ClaimFinding {
  const blockedUntilMs = next(reader);
  const judge = (readers[claim.policy.algorithm] as (typeof readers)[string])(reader, claim.policy);
  // After a charge the state is what it left behind. Otherwise it is as it stands, and the cost is only asked about.
  const stands = judge(claim, nowMs, 0);
  if (charged) return withBlock(stands, 0, nowMs);
  const asked = judge(claim, nowMs, claim.cost);
  return withBlock(asked.allowed ? { ...stands, epochMs: asked.epochMs } : asked, blockedUntilMs, nowMs);
}
