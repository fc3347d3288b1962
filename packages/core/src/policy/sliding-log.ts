import type { Algorithm, Finding, Next, Step } from "./algorithm.js";
import type { SlidingLogPolicy } from "./policy.js";

/** Grants in order of time, flat: `[atMs, cost, atMs, cost, …]`. Grants of one millisecond share an entry. */
export type GrantLog = readonly number[];

/**
 * All that a decision needs of a log, for stores that keep the log away from this process: the units granted within the
 * window, the time of the newest grant (`undefined` when there is none), and the time at which enough of the oldest
 * grants have left the window for the cost to fit (`undefined` when it fits already or never will).
 */
export interface LogSummary {
  readonly used: number;
  readonly newestMs: number | undefined;
  readonly fitsAtMs: number | undefined;
}

/** The grants that still count at `nowMs`. */
function within(log: GrantLog, windowMs: number, nowMs: number): GrantLog {
  let first = 0;
  while (first < log.length && (log[first] as number) + windowMs <= nowMs) first += 2;
  return first === 0 ? log : log.slice(first);
}

function summarise(log: GrantLog, policy: SlidingLogPolicy, cost: number): LogSummary {
  let used = 0;
  for (let i = 1; i < log.length; i += 2) used += log[i] as number;
  let fitsAtMs: number | undefined;
  for (let i = 0, left = used; left + cost > policy.limit && i < log.length; i += 2) {
    left -= log[i + 1] as number;
    fitsAtMs = (log[i] as number) + policy.windowMs;
  }
  return { used, newestMs: log.length > 0 ? log[log.length - 2] : undefined, fitsAtMs };
}

/** Decides by a log's summary at `nowMs`. */
export function judgeLog(summary: LogSummary, policy: SlidingLogPolicy, nowMs: number, cost: number): Finding {
  const { used, newestMs, fitsAtMs } = summary;
  const allowed = cost === 0 || used + cost <= policy.limit;
  // A clock that stepped back must not put a grant before the newest one: it would leave the window too early.
  const grantMs = Math.max(nowMs, newestMs ?? nowMs);
  const lastMs = allowed && cost > 0 ? grantMs : newestMs;
  return {
    allowed,
    remaining: Math.max(0, policy.limit - used - (allowed ? cost : 0)),
    retryAfterMs: allowed ? 0 : cost > policy.limit || fitsAtMs === undefined ? undefined : fitsAtMs - nowMs,
    resetAfterMs: lastMs === undefined ? 0 : lastMs + policy.windowMs - nowMs,
    epochMs: grantMs,
  };
}

function next(log: GrantLog, policy: SlidingLogPolicy, nowMs: number): Next<GrantLog> {
  return { state: log, ttlMs: Math.max(1, (log[log.length - 2] ?? nowMs) + policy.windowMs - nowMs) };
}

/** Every grant, remembered until it leaves the window: exact. State: {@link GrantLog}. */
export const slidingLogAlgorithm: Algorithm<SlidingLogPolicy, GrantLog> = {
  name: "sliding-log",

  quota: ({ limit, windowMs }) => ({ limit, windowMs }),

  step(state, policy, nowMs, cost): Step<GrantLog> {
    const log = within(state ?? [], policy.windowMs, nowMs);
    const finding = judgeLog(summarise(log, policy, cost), policy, nowMs, cost);
    if (!finding.allowed || cost === 0) return finding;
    const grantMs = finding.epochMs;
    const shares = log[log.length - 2] === grantMs;
    const granted = shares ? [...log.slice(0, -1), (log[log.length - 1] as number) + cost] : [...log, grantMs, cost];
    return { ...finding, next: next(granted, policy, nowMs) };
  },

  refund(state, policy, nowMs, cost, epochMs) {
    const log = within(state, policy.windowMs, nowMs);
    const at = log.findIndex((value, i) => i % 2 === 0 && value === epochMs);
    if (at === -1) return undefined;
    const left = (log[at + 1] as number) - cost;
    const rest = left > 0 ? [epochMs, left] : [];
    return next([...log.slice(0, at), ...rest, ...log.slice(at + 2)], policy, nowMs);
  },
};
