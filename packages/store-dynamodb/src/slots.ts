import { hasRequestContexts, startQuietTimer } from "@sluice/core/kit";
import { type CallOptions, type SluiceError, storeTimeout } from "@sluice/core/store";
import type { Pace } from "./requests.js";

/** A request that needs a slot. */
export interface Applicant {
  /** The deadline of the answer, a time of `performance.now()`. It may move later while the applicant waits. */
  deadlineMs(): number;
  /** @param isProbe true if DynamoDB is silent and this request finds out whether it still is */
  grant(slot: Slot, isProbe: boolean): void;
  refuse(error: SluiceError): void;
}

/** The right to have a request in flight. */
export interface Slot {
  /** May be called twice. */
  release(): void;
}

/** Limits how many requests are in flight. Refuses those that could not be answered in time. */
export interface Slots {
  /** Grants a slot in order of application, or refuses, at once if the outcome is known. */
  apply(applicant: Applicant): void;
  /** The same for a request that continues one with a slot: it goes first. */
  applyAgain(deadlineMs: number): Promise<Slot>;
}

/** Weight of the last slot in the average time for which slots are held. */
const LAST_SHARE = 1 / 8;

/**
 * The largest difference between clocks and timers. After it, a slot whose holder should have released it is reclaimed.
 */
const OVERDUE_MS = 1_000;

export function createSlots(count: number, pace: Pace): Slots {
  // On Workers, nothing may wait for the end of a request, since the request that sent it may be over.
  return hasRequestContexts() ? withoutLimit() : limitedTo(count, pace);
}

function limitedTo(count: number, pace: Pace): Slots {
  let queue: Applicant[] = [];
  /** The deadlines of the requests that hold a slot. */
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

  /** Returns whether a slot is free; occasionally while DynamoDB is silent, and more and more often afterwards. */
  function isFree(nowMs: number): boolean {
    if (holders.size >= count) takeBackOverdue(nowMs);
    if (holders.size >= count) return false;
    return pace.silent ? isPast(pace.nextMs(), nowMs) : recovering.size < pace.window;
  }

  /** Timers that were replaced, as by fake timers, never end a request. */
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

  /** The first in the queue; during and after a silence the last, which has the most time left for an answer. */
  function next(): Applicant {
    return (pace.silent || isRecovering() ? queue.pop() : queue.shift()) as Applicant;
  }

  /**
   * A request that has waited leaves only if it has the time that an answer usually takes, so that few are sent in
   * vain.
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
   * A slot that becomes free serves the queue, too. This is for probes, and for requests whose time passes in the
   * meantime.
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

/** A clock that was replaced, as by fake timers, may be behind: then nothing waits for it. */
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

/** For calls without a deadline. */
const MAX_CALL_MS = 60_000;

export function deadlineOf(options: CallOptions | undefined): number {
  return options?.deadlineMs ?? performance.now() + MAX_CALL_MS;
}

/** The time after which no caller waits. */
export function latestOf(calls: readonly { readonly deadlineMs: number }[]): number {
  return calls.reduce((latestMs, { deadlineMs }) => Math.max(latestMs, deadlineMs), 0);
}

/** @param cause the last error of the connection, if it has failed */
export function timedOut(cause?: unknown): SluiceError {
  return storeTimeout("DynamoDB is too slow or too busy to answer in time; the call was not sent", cause);
}
