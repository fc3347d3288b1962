import type { Finding, Next, Step } from "./algorithm.js";
import type { BuiltInAlgorithm, RemoteForm, StateMerge } from "./built-in-algorithm.js";
import { epochAfter, timeOf } from "./epoch.js";
import type { Policy } from "./policy.js";
import { nextNumber } from "./reply.js";
import { checkWindow, type WindowOptions, windowNumbers, windowPolicy, windowQuota } from "./window.js";

/** `limit` units in any window of `windowMs`, exactly. */
export interface SlidingLogPolicy extends Policy {
  readonly algorithm: "sliding-log";
  readonly limit: number;
  readonly windowMs: number;
}

/**
 * `limit` units in any stretch of `window`, exactly: every grant is remembered until it leaves the window. The size of the
 * state and the time of a decision grow with the grants in a window, so use it for limits of up to some hundreds.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { slidingLog } from "@sluice/core";
 *
 * const policy = slidingLog({ name: "logins", limit: 5, window: "15m" });
 * ```
 */
export function slidingLog(options: WindowOptions): SlidingLogPolicy {
  return windowPolicy(slidingLogAlgorithm, options, "slidingLog");
}

/**
 * Grants in order of time, as one flat array: `[atMs, cost, atMs, cost, …]`. Grants of one millisecond share an entry.
 * `atMs` is its name as described in `epoch.ts`. A reset leaves one entry with a cost of 0.
 */
export type GrantLog = readonly number[];

/** The data of a log that a decision needs. Databases send it instead of the whole log. */
interface LogSummary {
  /** The units granted within the window. */
  readonly used: number;
  /** The time of the newest grant, if there is one. */
  readonly newestMs: number | undefined;
  /** When enough of the oldest grants have left the window for the cost to fit. `undefined` if it fits now or never will. */
  readonly fitsAtMs: number | undefined;
}

/** The grants that count at `nowMs`. Grants in the future, where the clock stepped back, are merged into one at `nowMs`. */
function within(log: GrantLog, windowMs: number, nowMs: number): { log: GrantLog; corrected: boolean } {
  let first = 0;
  while (first < log.length && timeOf(log[first] as number) + windowMs <= nowMs) first += 2;
  let end = log.length;
  let ahead = 0;
  for (; end > first && timeOf(log[end - 2] as number) > nowMs; end -= 2) ahead += log[end - 1] as number;
  const kept = first === 0 && end === log.length ? log : log.slice(first, end);
  return ahead === 0 ? { log: kept, corrected: false } : { log: withGrant(kept, nowMs, ahead), corrected: true };
}

/** The log with one more grant at `nowMs`. */
function withGrant(log: GrantLog, nowMs: number, cost: number): GrantLog {
  const epochMs = log[log.length - 2] ?? Number.NEGATIVE_INFINITY;
  const granted = log[log.length - 1] ?? 0;
  if (granted === 0) return [...log.slice(0, -2), epochAfter(epochMs, nowMs), cost];
  if (timeOf(epochMs) !== nowMs) return [...log, nowMs, cost];
  return [...log.slice(0, -1), granted + cost];
}

function summarise(log: GrantLog, policy: SlidingLogPolicy, cost: number): LogSummary {
  let used = 0;
  for (let i = 1; i < log.length; i += 2) used += log[i] as number;
  let fitsAtMs: number | undefined;
  for (let i = 0, left = used; left + cost > policy.limit && i < log.length; i += 2) {
    left -= log[i + 1] as number;
    fitsAtMs = timeOf(log[i] as number) + policy.windowMs;
  }
  return { used, newestMs: log.length > 0 ? log[log.length - 2] : undefined, fitsAtMs };
}

/** Decides at `nowMs` from the summary of a log. */
function judgeLog(summary: LogSummary, policy: SlidingLogPolicy, nowMs: number, cost: number): Finding {
  const { used, newestMs, fitsAtMs } = summary;
  const allowed = cost === 0 || used + cost <= policy.limit;
  const sharesEpoch = used > 0 && newestMs !== undefined && timeOf(newestMs) === nowMs;
  const epochMs = sharesEpoch ? newestMs : epochAfter(newestMs ?? Number.NEGATIVE_INFINITY, nowMs);
  const lastMs = allowed && cost > 0 ? nowMs : used > 0 && newestMs !== undefined ? timeOf(newestMs) : undefined;
  return {
    allowed,
    remaining: Math.max(0, policy.limit - used - (allowed ? cost : 0)),
    retryAfterMs: allowed ? 0 : cost > policy.limit || fitsAtMs === undefined ? undefined : fitsAtMs - nowMs,
    resetAfterMs: lastMs === undefined ? 0 : lastMs + policy.windowMs - nowMs,
    epochMs,
  };
}

function next(log: GrantLog, policy: SlidingLogPolicy, nowMs: number): Next<GrantLog> {
  const newestMs = log.length > 0 ? timeOf(log[log.length - 2] as number) : nowMs;
  return { state: log, ttlMs: Math.max(1, newestMs + policy.windowMs - nowMs) };
}

/** Remembers every grant until it leaves the window: exact. State: {@link GrantLog}. */
export const slidingLogAlgorithm: BuiltInAlgorithm<SlidingLogPolicy, GrantLog> = {
  name: "sliding-log",

  quota: windowQuota,
  check: (policy) => checkWindow(policy, slidingLog),

  step(state, policy, nowMs, cost): Step<GrantLog> {
    const { log, corrected } = within(state ?? [], policy.windowMs, nowMs);
    const finding = judgeLog(summarise(log, policy, cost), policy, nowMs, cost);
    const charged = finding.allowed && cost > 0;
    if (!charged && !corrected) return finding;
    return { ...finding, next: next(charged ? withGrant(log, nowMs, cost) : log, policy, nowMs) };
  },

  refund(state, policy, nowMs, cost, epochMs) {
    const { log } = within(state, policy.windowMs, nowMs);
    const at = log.findIndex((value, i) => i % 2 === 0 && value === epochMs);
    if (at === -1 || log[at + 1] === 0) return undefined;
    const left = (log[at + 1] as number) - cost;
    const rest = left > 0 ? [epochMs, left] : [];
    return next([...log.slice(0, at), ...rest, ...log.slice(at + 2)], policy, nowMs);
  },

  clear(log, nowMs) {
    const epochMs = log[log.length - 2];
    return epochMs !== undefined && timeOf(epochMs) === nowMs ? { state: [epochMs, 0], ttlMs: 1 } : undefined;
  },
};

export const slidingLogRemote: RemoteForm<SlidingLogPolicy, GrantLog> = {
  number: 4,
  numbers: windowNumbers,

  /**
   * Reads the units `used` in the window, the name of the newest grant (-1: none), and the time at which the cost fits (-1:
   * now, or never).
   */
  read(reply, policy) {
    const [used, newestMs, fitsAtMs] = [nextNumber(reply), nextNumber(reply), nextNumber(reply)];
    const summary = {
      used,
      newestMs: newestMs === -1 ? undefined : newestMs,
      fitsAtMs: fitsAtMs === -1 ? undefined : fitsAtMs,
    };
    return (_, nowMs, cost) => judgeLog(summary, policy, nowMs, cost);
  },

  earliestMs: (log) => ((log.at(-1) ?? 0) > 0 ? timeOf(log.at(-2) ?? 0) : 0),
};

/** All grants of both logs. Where both have grants at one time, the larger one. */
export const slidingLogMerge: StateMerge<GrantLog> = {
  windowOf: (log, untilMs) => (log.length > 0 ? untilMs - timeOf(log[log.length - 2] as number) : undefined),
  join(arriving, there, { ms: windowMs }, nowMs) {
    const grants = new Map<number, readonly [epochMs: number, cost: number]>();
    for (let i = 0; i < there.length; i += 2) {
      grants.set(timeOf(there[i] as number), [there[i] as number, there[i + 1] as number]);
    }
    for (let i = 0; i < arriving.length; i += 2) {
      const [epochMs, cost] = [arriving[i] as number, arriving[i + 1] as number];
      const atMs = timeOf(epochMs);
      if (atMs + windowMs <= nowMs) continue;
      const [knownMs, known] = grants.get(atMs) ?? [epochMs, 0];
      grants.set(atMs, [knownMs, Math.max(cost, known)]);
    }
    return [...grants.values()].sort(([one], [other]) => timeOf(one) - timeOf(other)).flat();
  },
  untilOf: (log, windowMs) => timeOf(log[log.length - 2] ?? 0) + windowMs,
};
