import { hasRequestContexts, outsideRequests } from "@sluice/core/kit";
import { SluiceError } from "@sluice/core/store";
import { type DecideCall, decideCalls } from "./decide.js";
import { type Session, type SessionResources, withSession } from "./session.js";
import { latestOf, type Slot, timedOut } from "./slots.js";
import { type DeleteCall, deleteEntry, type UpdateCall, updateEntry } from "./update.js";

/** A call on one item. */
export type Call = DecideCall | UpdateCall | DeleteCall;

/** Lets the calls on one item share requests, so that calls of one process do not race each other. */
export interface Lanes {
  /** Answers a call on the item, together with concurrent calls. */
  add(pk: string, call: Call): Promise<unknown>;
}

interface Waiting {
  readonly call: Call;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The calls on one item. */
interface Lane {
  readonly pk: string;
  waiting: Waiting[];
  scheduled: boolean;
  /** True if it is waiting for a slot. */
  applied: boolean;
  inFlight: number;
  lastSentMs: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** The maximum number of calls in one session. */
const MAX_CALLS = 256;

/** The maximum number of concurrent sessions on one item. */
const MAX_SESSIONS = 8;

/** The minimum interval between the starts of concurrent sessions. */
const MIN_GAP_MS = 5;

/**
 * Sends the calls of one turn of the event loop together. Calls that arrive while a session is in flight are sent together
 * after it. If DynamoDB is too slow for that, they are sent concurrently, and conditional writes keep both sessions exact.
 *
 * On Workers, where I/O belongs to a request, the calls of each turn are sent immediately.
 */
export function createLanes(resources: SessionResources): Lanes {
  const { slots, pace } = resources;
  const lanes = new Map<string, Lane>();
  const neverWaits = hasRequestContexts();

  function laneOf(pk: string): Lane {
    let lane = lanes.get(pk);
    if (lane === undefined) {
      lane = { pk, waiting: [], scheduled: false, applied: false, inFlight: 0, lastSentMs: 0, timer: undefined };
      lanes.set(pk, lane);
    }
    return lane;
  }

  /** Uses promises: fake timers replace `queueMicrotask`, but never promises. */
  function schedule(lane: Lane): void {
    if (lane.scheduled) return;
    lane.scheduled = true;
    // Waits two promise jobs: callers that continue after the same session add their calls within one job of each other.
    void Promise.resolve()
      .then(() => {})
      .then(() => {
        lane.scheduled = false;
        leave(lane);
      });
  }

  function leave(lane: Lane): void {
    clearTimeout(lane.timer);
    if (lane.applied || lane.waiting.length === 0) return;
    const nowMs = performance.now();
    const waitMs = neverWaits ? 0 : leavesMs(lane, nowMs) - nowMs;
    if (waitMs > 0) {
      if (waitMs < Number.POSITIVE_INFINITY) lane.timer = setTimeout(leave, Math.ceil(waitMs), lane);
      return;
    }
    lane.applied = true;
    slots.apply({
      deadlineMs: () => latestOf(lane.waiting.map(({ call }) => call)),
      grant(slot, isProbe) {
        lane.applied = false;
        // Runs outside the request's context, because the session serves several requests.
        outsideRequests(() => answer(lane, slot, isProbe ? 1 : MAX_CALLS));
      },
      refuse(error) {
        lane.applied = false;
        const refused = lane.waiting;
        lane.waiting = [];
        for (const { reject } of refused) reject(error);
        forget(lane);
      },
    });
  }

  /** The time at which the next session is sent if the one in flight has not ended. */
  function leavesMs({ waiting, inFlight, lastSentMs }: Lane, nowMs: number): number {
    // A replaced clock, such as fake timers, may be behind. Then no session waits for it.
    if (inFlight === 0 || nowMs < lastSentMs) return nowMs;
    if (inFlight >= MAX_SESSIONS) return Number.POSITIVE_INFINITY;
    const usualMs = pace.usualMs(nowMs);
    const earliestMs = waiting.reduce((earliest, { call }) => Math.min(earliest, call.deadlineMs), Infinity);
    const gapEndsMs = lastSentMs + Math.max(MIN_GAP_MS, usualMs / MAX_SESSIONS);
    // Leaves time for the rest of the session in flight, a whole session, and half a session to spare.
    return Math.max(gapEndsMs, earliestMs - 2.5 * usualMs);
  }

  function answer(lane: Lane, slot: Slot, most: number): void {
    const batch = inTime(lane.waiting.splice(0, most));
    if (batch.length === 0) {
      slot.release();
      leave(lane);
      return;
    }
    lane.inFlight++;
    lane.lastSentMs = performance.now();
    withSession(resources, lane.pk, slot, (session) => answerAll(session, batch))
      .catch((error) => {
        for (const { reject } of batch) reject(error);
      })
      .finally(() => {
        lane.inFlight--;
        if (lane.waiting.length > 0) schedule(lane);
        else forget(lane);
      });
    leave(lane);
  }

  /** Rejects the calls that can't be answered in time, and returns the others. */
  function inTime(calls: readonly Waiting[]): readonly Waiting[] {
    const hopelessMs = pace.hopelessMs(performance.now());
    return calls.filter(({ call, reject }) => {
      if (call.deadlineMs > hopelessMs) return true;
      reject(timedOut(pace.error));
      return false;
    });
  }

  function forget(lane: Lane): void {
    if (lane.inFlight > 0 || lane.waiting.length > 0 || lanes.get(lane.pk) !== lane) return;
    clearTimeout(lane.timer);
    lanes.delete(lane.pk);
  }

  return {
    add(pk, call) {
      return new Promise((resolve, reject) => {
        const lane = laneOf(pk);
        lane.waiting.push({ call, resolve, reject });
        schedule(lane);
      });
    },
  };
}

/** Answers the calls in order, but decisions for the same time together. A failed call does not affect the others. */
async function answerAll(session: Session, batch: readonly Waiting[]): Promise<void> {
  for (const run of runsOf(batch)) {
    const open = new Map(run.map((waiting) => [waiting.call, waiting]));
    try {
      const [{ call, resolve }] = run as readonly [Waiting];
      if (call.kind === "decide") {
        await decideCalls(session, [...open.keys()] as readonly DecideCall[], (decided, answer) => {
          const waiting = open.get(decided);
          open.delete(decided);
          if (answer instanceof SluiceError) waiting?.reject(answer);
          else waiting?.resolve(answer);
        });
      } else {
        resolve(await (call.kind === "update" ? updateEntry(session, call) : deleteEntry(session, call)));
      }
    } catch (error) {
      for (const { reject } of open.values()) reject(error);
    }
  }
}

/** Groups neighbouring decisions with the same time. Every other call is a group of one. */
function runsOf(batch: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const runs: Waiting[][] = [];
  for (const waiting of batch) {
    const run = runs.at(-1);
    const first = run?.[0]?.call;
    const { call } = waiting;
    if (call.kind === "decide" && first?.kind === "decide" && first.nowMs === call.nowMs) run?.push(waiting);
    else runs.push([waiting]);
  }
  return runs;
}
