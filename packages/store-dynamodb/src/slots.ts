import { hasRequestContexts, startQuietTimer } from "@sluice/core/kit";
import { type CallOptions, type SluiceError, storeTimeout } from "@sluice/core/store";
import type { Pace } from "./requests.js";

/** A request that needs a slot. */
export interface Applicant {
  /** The deadline of the answer, a time of `performance.now()`. It may become later while the applicant waits. */
  deadlineMs(): number;
  /** @param isProbe true if DynamoDB is silent and this request probes it */
  grant(slot: Slot, isProbe: boolean): void;
  refuse(error: SluiceError): void;
}

/** The right to have a request in flight. */
export interface Slot {
  /** May be called twice. */
  release(): void;
}

/** Limits how many requests are in flight. Rejects requests that can't be answered in time. */
export interface Slots {
  /** Grants slots in order of application, or rejects. Does so immediately if the outcome is known. */
  apply(applicant: Applicant): void;
  /** Like `apply`, for a request that continues one with a slot. It goes first. */
  applyAgain(deadlineMs: number): Promise<Slot>;
}

/** The weight of the last slot in the average time for which slots are held. */
const LAST_SHARE = 1 / 8;

/**
 * The largest difference between clocks and timers. After it, a slot is taken back if its holder should have released it.
 */
const OVERDUE_MS = 1_000;

export function createSlots(count: number, pace: Pace): Slots {
  // On Workers, nothing may wait for the end of a request, because the request that sent it may have ended.
  return hasRequestContexts() ? withoutLimit() : limitedTo(count, pace);
}

function limitedTo(count: number, pace: Pace): Slots {
  let queue: Applicant[] = [];
  /** The deadlines of the requests that hold slots. */
  const holders = new Map<Slot, number>();
  /** Slots that were granted since DynamoDB recovered. */
  const recovering = new Set<Slot>();
  let heldMs = 0;
  let timer: ReturnType<typeof startQuietTimer> | undefined;

  function grant(applicant: Applicant, nowMs: number): void {
    const slot: Slot = {
      release() {
        recovering.delete(slot);
        if (!holders.delete(slot)) return;
        heldMs += (performance.now() - nowMs - heldMs) * (heldMs > 0 ? LAST_SHARE : 1);
        serve();
      },
    };
    holders.set(slot, applicant.deadlineMs());
    if (pace.silent) recovering.clear();
    else if (isRecovering()) recovering.add(slot);
    applicant.grant(slot, pace.silent);
  }

  function isRecovering(): boolean {
    return pace.window < count;
  }

  /** Returns whether a slot is free. While DynamoDB is silent this is occasionally true, and more often as it recovers. */
  function isFree(nowMs: number): boolean {
    if (holders.size >= count) takeBackOverdue(nowMs);
    if (holders.size >= count) return false;
    return pace.silent ? isPast(pace.nextMs(), nowMs) : recovering.size < pace.window;
  }

  /** Takes back overdue slots: with replaced timers, such as fake ones, a request never ends. */
  function takeBackOverdue(nowMs: number): void {
    for (const [slot, deadlineMs] of holders) {
      if (deadlineMs + OVERDUE_MS >= nowMs) continue;
      holders.delete(slot);
      recovering.delete(slot);
    }
  }

  function serve(): void {
    const nowMs = performance.now();
    refuseLate(nowMs);
    while (queue.length > 0 && isFree(nowMs)) grant(next(), nowMs);
    wakeLater(nowMs);
  }

  /** The first in the queue. During and after a silence the last, which has the most time left for an answer. */
  function next(): Applicant {
    return (pace.silent || isRecovering() ? queue.pop() : queue.shift()) as Applicant;
  }

  /**
   * Rejects requests that have waited and no longer have the time that an answer usually takes, so that few requests are
   * sent without use.
   */
  function refuseLate(nowMs: number): void {
    const lateMs = pace.silent ? pace.hopelessMs(nowMs) : nowMs + pace.usualMs(nowMs);
    const isLate = (applicant: Applicant): boolean => applicant.deadlineMs() <= lateMs;
    const late = queue.filter(isLate);
    if (late.length === 0) return;
    queue = queue.filter((applicant) => !isLate(applicant));
    for (const applicant of late) applicant.refuse(timedOut(pace.error));
  }

  /**
   * Serves the queue later. A released slot does so too: this is for probes, and for requests whose deadlines pass
   * meanwhile.
   */
  function wakeLater(nowMs: number): void {
    clearTimeout(timer);
    if (queue.length === 0) return;
    const earliestMs = Math.min(...queue.map((applicant) => applicant.deadlineMs()));
    const atMs = isPast(pace.nextMs(), nowMs) ? earliestMs : Math.min(earliestMs, pace.nextMs());
    timer = startQuietTimer(serve, Math.min(60_000, Math.max(1, Math.ceil(atMs - nowMs))));
  }

  return {
    apply(applicant) {
      const nowMs = performance.now();
      const deadlineMs = applicant.deadlineMs();
      if (queue.length === 0 && isFree(nowMs)) {
        if (deadlineMs <= pace.hopelessMs(nowMs)) applicant.refuse(timedOut(pace.error));
        else grant(applicant, nowMs);
        return;
      }
      const startMs = nowMs + ((queue.length + 1) * heldMs) / count;
      if (!pace.silent && !isRecovering() && startMs + pace.usualMs(nowMs) >= deadlineMs) {
        applicant.refuse(timedOut(pace.error));
        return;
      }
      queue.push(applicant);
      if (isFree(nowMs)) serve();
      else if (queue.length === 1) wakeLater(nowMs);
    },

    applyAgain(deadlineMs) {
      return new Promise((resolve, reject) => {
        queue.unshift({ deadlineMs: () => deadlineMs, grant: resolve, refuse: reject });
        serve();
      });
    },
  };
}

/** A replaced clock, such as fake timers, may be behind. Then nothing waits for it. */
function isPast(timeMs: number, nowMs: number): boolean {
  return timeMs <= nowMs || timeMs > nowMs + 60_000;
}

function withoutLimit(): Slots {
  const slot: Slot = { release() {} };
  return {
    apply: (applicant) => {
      if (applicant.deadlineMs() <= performance.now()) applicant.refuse(timedOut());
      else applicant.grant(slot, false);
    },
    applyAgain: async () => slot,
  };
}

/** The time limit of calls without a deadline. */
const MAX_CALL_MS = 60_000;

export function deadlineOf(options: CallOptions | undefined): number {
  return options?.deadlineMs ?? performance.now() + MAX_CALL_MS;
}

/** The latest deadline, after which no caller waits. */
export function latestOf(calls: readonly { readonly deadlineMs: number }[]): number {
  return calls.reduce((latestMs, { deadlineMs }) => Math.max(latestMs, deadlineMs), 0);
}

/** @param cause the last error of the connection, if there is one */
export function timedOut(cause?: unknown): SluiceError {
  return storeTimeout("DynamoDB is too slow or too busy to answer in time; the call was not sent", cause);
}
