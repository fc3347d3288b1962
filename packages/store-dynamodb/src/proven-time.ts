import { type Entry, type Policy, type TokenBucketPolicy, timeOf } from "@sluice/core/store";

/**
 * How far the clocks of processes may differ. State that lies further ahead than this was written before a clock stepped
 * back: it is repaired. State that lies less far ahead was written by a process whose clock is ahead of this one.
 */
const SKEW_MS = 2_000;

/** An entry with some state, and a policy that is to be decided on it. */
export interface Known {
  readonly entry: Entry;
  readonly policy: Policy;
}

/** This process's time, or the time of another process with a faster clock that the entries prove. */
export function timeBy(nowMs: number, known: readonly Known[]): number {
  let timeMs = nowMs;
  for (const { entry, policy } of known) {
    const provenMs = Math.max(blockTimeOf(entry), stateTimeOf(entry, policy));
    if (provenMs > timeMs && provenMs <= nowMs + SKEW_MS) timeMs = provenMs;
  }
  return timeMs;
}

/** The earliest time at which the block can have been made. */
function blockTimeOf(entry: Entry): number {
  return entry[0] === 2 ? entry[1] - entry[3] : 0;
}

/** The earliest time at which the policy can have left the state. */
function stateTimeOf([, , state]: Entry, policy: Policy): number {
  const numbers = (state ?? []) as readonly number[];
  if (policy.algorithm === "token-bucket") return bucketTimeOf(numbers, policy as TokenBucketPolicy);
  const isLog = policy.algorithm === "sliding-log";
  const counts = isLog ? numbers.slice(-1) : numbers.slice(1);
  const startMs = isLog ? numbers.at(-2) : numbers[0];
  return startMs !== undefined && counts.some((count) => count > 0) ? timeOf(startMs) : 0;
}

function bucketTimeOf(state: readonly number[], { rate, intervalMs, burst }: TokenBucketPolicy): number {
  const [fullAtMs = 0, numerator = 0, oldRate, oldIntervalMs] = state;
  if (oldRate !== rate || oldIntervalMs !== intervalMs) return 0;
  return fullAtMs - Math.floor((burst * intervalMs - numerator) / rate);
}
