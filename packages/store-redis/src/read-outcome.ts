import {
  type Admission,
  type Cells,
  type Claim,
  type ClaimFinding,
  type Finding,
  fixedWindowAlgorithm,
  judgeLog,
  type Outcome,
  type SlidingLogPolicy,
  type SluiceError,
  slidingWindowAlgorithm,
  type TokenBucketPolicy,
  tokenBucketAlgorithm,
  unreadableState,
  withBlock,
} from "@sluice/core";

/** Reads the numbers of a script's reply, one after the other. */
interface Reader {
  next(): number;
}

/** Judges a claim by what the script said of its state: the arithmetic is core's, so that all stores agree. */
type Judge = (cost: number) => Finding;

/** What each algorithm's `reply` in Lua added, as a judge of it. */
const readers: Readonly<Record<string, (reader: Reader, claim: Claim, nowMs: number) => Judge>> = {
  "token-bucket"(reader, { policy }, nowMs) {
    const { rate, intervalMs } = policy as TokenBucketPolicy;
    const cells = [reader.next(), reader.next(), rate, intervalMs, reader.next()];
    return judgeCells(tokenBucketAlgorithm as CellJudge, cells, policy, nowMs);
  },
  "fixed-window": (reader, { policy }, nowMs) =>
    judgeCells(fixedWindowAlgorithm as CellJudge, [reader.next(), reader.next()], policy, nowMs),
  "sliding-window": (reader, { policy }, nowMs) =>
    judgeCells(slidingWindowAlgorithm as CellJudge, [reader.next(), reader.next(), reader.next()], policy, nowMs),
  "sliding-log"(reader, { policy }, nowMs) {
    const [used, newestMs, fitsAtMs] = [reader.next(), reader.next(), reader.next()];
    const summary = {
      used,
      newestMs: newestMs === -1 ? undefined : newestMs,
      fitsAtMs: fitsAtMs === -1 ? undefined : fitsAtMs,
    };
    return (cost) => judgeLog(summary, policy as SlidingLogPolicy, nowMs, cost);
  },
};

interface CellJudge {
  judge(cells: Cells, at: number, policy: Claim["policy"], nowMs: number, cost: number, finding: Finding): void;
}

function judgeCells(algorithm: CellJudge, cells: Cells, policy: Claim["policy"], nowMs: number): Judge {
  return (cost) => {
    const finding = { allowed: false, remaining: 0, retryAfterMs: undefined, resetAfterMs: 0, epochMs: 0 };
    algorithm.judge(cells, 0, policy, nowMs, cost, finding);
    return finding;
  };
}

/** The algorithms that the scripts know. */
export const ALGORITHMS: ReadonlySet<string> = new Set(Object.keys(readers));

/** One answer for each admission of a batch, or the error for one whose state can't be read. */
export function readOutcomes(reply: unknown, admissions: readonly Admission[]): readonly (Outcome | SluiceError)[] {
  const numbers = reply as readonly number[];
  let at = 0;
  const reader: Reader = { next: () => numbers[at++] as number };
  const nowMs = reader.next();
  return admissions.map(({ claims, charge }) => {
    const verdict = reader.next();
    if (verdict === -1) return unreadableState();
    const allowed = verdict === 1;
    return { allowed, nowMs, findings: claims.map((claim) => readFinding(reader, claim, nowMs, allowed && charge)) };
  });
}

function readFinding(reader: Reader, claim: Claim, nowMs: number, charged: boolean): ClaimFinding {
  const blockedUntilMs = reader.next();
  const judge = readers[claim.policy.algorithm]?.(reader, claim, nowMs) as Judge;
  // After a charge the state is what it left behind. Otherwise it is as it stands, and the cost is only asked about.
  const stands = judge(0);
  if (charged) return { ...stands, blocked: false };
  const asked = judge(claim.cost);
  return withBlock(asked.allowed ? { ...stands, epochMs: asked.epochMs } : asked, blockedUntilMs, nowMs);
}
