import { type Entry, type Policy, remoteFormOf } from "@sluice/core/store";

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
    const stateMs = entry[2] === null ? 0 : remoteFormOf(policy.algorithm).earliestMs(entry[2], policy);
    const provenMs = Math.max(blockTimeOf(entry), stateMs);
    if (provenMs > timeMs && provenMs <= nowMs + SKEW_MS) timeMs = provenMs;
  }
  return timeMs;
}

/** The earliest time at which the block can have been made. */
function blockTimeOf(entry: Entry): number {
  return entry[0] === 2 ? entry[1] - entry[3] : 0;
}
