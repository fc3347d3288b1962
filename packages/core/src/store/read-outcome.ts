import type { Finding } from "../policy/algorithm.js";
import { type Cells, newFinding } from "../policy/cells.js";
import { fixedWindowAlgorithm } from "../policy/fixed-window.js";
import type { SlidingLogPolicy, TokenBucketPolicy } from "../policy/policy.js";
import { judgeLog } from "../policy/sliding-log.js";
import { slidingWindowAlgorithm } from "../policy/sliding-window.js";
import { tokenBucketAlgorithm } from "../policy/token-bucket.js";
import { withBlock } from "./entry.js";
import type { Admission, Claim, ClaimFinding, Outcome } from "./store.js";

/** Judges a claim by what the database said of its state: the arithmetic is the policy's own, so that all stores agree. */
type Judge = (cost: number) => Finding;

/** For each algorithm, the numbers that a database reports of its state, as a judge of them. */
const judges: Readonly<Record<string, (next: () => number, claim: Claim, nowMs: number) => Judge>> = {
  /** fullAtMs, numerator, busySinceMs */
  "token-bucket"(next, { policy }, nowMs) {
    const { rate, intervalMs } = policy as TokenBucketPolicy;
    return judgeCells(tokenBucketAlgorithm as CellJudge, [next(), next(), rate, intervalMs, next()], policy, nowMs);
  },
  /** startMs, used */
  "fixed-window": (next, { policy }, nowMs) =>
    judgeCells(fixedWindowAlgorithm as CellJudge, [next(), next()], policy, nowMs),
  /** startMs, previous, current */
  "sliding-window": (next, { policy }, nowMs) =>
    judgeCells(slidingWindowAlgorithm as CellJudge, [next(), next(), next()], policy, nowMs),
  /** used, newestMs, fitsAtMs; -1 for none */
  "sliding-log"(next, { policy }, nowMs) {
    const [used, newestMs, fitsAtMs] = [next(), next(), next()];
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
    const finding = newFinding();
    algorithm.judge(cells, 0, policy, nowMs, cost, finding);
    return finding;
  };
}

/** The algorithms whose reports {@link readOutcome} reads. */
export const reportedAlgorithms: ReadonlySet<string> = new Set(Object.keys(judges));

/**
 * The outcome of an admission that a database decided at `nowMs`. `next` yields whole numbers, for each claim in order:
 * the time until which its key is blocked; and its state, as the charge left it if there was one: `fullAtMs`,
 * `numerator` and `busySinceMs` of a token bucket, settled to the policy's numbers; `startMs` and `used` of a fixed
 * window; `startMs`, `previous` and `current` of a sliding window; or of a sliding log the units `used` in the window,
 * the time of the newest grant (-1 for none) and the time at which the cost fits (-1 for now and for never).
 */
export function readOutcome(next: () => number, admission: Admission, nowMs: number, allowed: boolean): Outcome {
  const charged = allowed && admission.charge;
  return { allowed, nowMs, findings: admission.claims.map((claim) => readFinding(next, claim, nowMs, charged)) };
}

function readFinding(next: () => number, claim: Claim, nowMs: number, charged: boolean): ClaimFinding {
  const blockedUntilMs = next();
  const judge = judges[claim.policy.algorithm]?.(next, claim, nowMs) as Judge;
  // After a charge the state is what it left behind. Otherwise it is as it stands, and the cost is only asked about.
  const stands = judge(0);
  if (charged) return { ...stands, blocked: false };
  const asked = judge(claim.cost);
  return withBlock(asked.allowed ? { ...stands, epochMs: asked.epochMs } : asked, blockedUntilMs, nowMs);
}
