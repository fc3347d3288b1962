import type { SluiceError } from "../errors.js";
import { startQuietTimer, type Timer } from "../timer.js";
import { createEmitter, type Emitter, type StoreErrorEvent } from "./events.js";

/** Reports the start and the end of an outage of the store, once each. */
export interface Outage {
  /** The number of calls that the store has answered. */
  readonly answers: number;
  failed(error: SluiceError, call?: FailedCall): void;
  succeeded(): void;
  /** Stops reporting, so that a closed limiter leaves no timer that logs later. */
  close(): void;
}

/** The known facts about a call that failed. */
export interface FailedCall {
  /** The start of the call, as a time of `performance.now()`. */
  readonly startMs: number;
  /** {@link Outage.answers} at that time. */
  readonly answers: number;
}

/** A store that failed every call for this long has recovered with its first answer. */
const TOTAL_MS = 100;

/** A store that failed some calls and answered others has recovered once no call has failed for this long. */
const QUIET_MS = 1_000;

/** The data of one outage. Times are of `performance.now()`. */
interface Down {
  readonly sinceMs: number;
  lastFailureMs: number;
  /** When the first answer after the last failure came. */
  answeredMs: number | undefined;
  /** True if there were answers between failures: part of the store works. */
  partial: boolean;
  timer: Timer | undefined;
  /** Decisions without the store. */
  decisions: number;
}

/**
 * Creates the reports of a store's outages. They are logged on the console if `storeError` has no listener.
 *
 * @param source the source of decisions during an outage
 * @param effect what an outage means for requests. Default: the effect for a limiter, whose decisions are then counted
 */
export function createOutage(source: StoreErrorEvent["source"], emitter: Emitter, effect?: string): Outage {
  let down: Down | undefined;
  let logged = false;
  let answers = 0;

  function begin(error: SluiceError, nowMs: number, call: FailedCall | undefined): void {
    // Nothing was answered since the call began, so the outage started with it.
    const sinceMs = call?.answers === answers ? call.startMs : nowMs;
    down = { sinceMs, lastFailureMs: nowMs, answeredMs: undefined, partial: false, timer: undefined, decisions: 1 };
    logged = !emitter.has("storeError");
    if (logged) console.error(startOf(error, effect ?? EFFECTS[source]));
    emitter.emit("storeError", { error, failOpen: source === "failOpen", source });
  }

  function end({ sinceMs, answeredMs = performance.now(), timer, decisions }: Down): void {
    clearTimeout(timer);
    down = undefined;
    const downMs = answeredMs - sinceMs;
    if (logged) {
      const seconds = (downMs / 1000).toFixed(1);
      const count = effect === undefined ? `; decisions without it: ${decisions}` : "";
      console.error(`[sluice] the store answers again after ${seconds} s${count}`);
    }
    emitter.emit("storeRecovered", { downMs, decisions });
  }

  /** Ends the outage with this answer, or once no call has failed for a while. */
  function answered(outage: Down): void {
    const nowMs = performance.now();
    outage.answeredMs ??= nowMs;
    const isTotal = !outage.partial && outage.lastFailureMs - outage.sinceMs >= TOTAL_MS;
    const quietMs = nowMs - outage.lastFailureMs;
    if (isTotal || quietMs >= QUIET_MS) end(outage);
    else outage.timer ??= startQuietTimer(() => outage === down && end(outage), QUIET_MS - quietMs);
  }

  return {
    get answers() {
      return answers;
    },

    failed(error, call) {
      const nowMs = performance.now();
      if (down === undefined) return begin(error, nowMs, call);
      down.decisions++;
      if (down.answeredMs !== undefined) down.partial = true;
      clearTimeout(down.timer);
      down.lastFailureMs = nowMs;
      down.answeredMs = undefined;
      down.timer = undefined;
    },

    // Every decision runs this function, so it stays small enough to be inlined.
    succeeded() {
      answers++;
      if (down !== undefined) answered(down);
    },

    close() {
      clearTimeout(down?.timer);
      down = undefined;
    },
  };
}

/**
 * Logs the outages of a store, for a component that has no listeners.
 *
 * @param effect the effect of an outage on requests, such as "requests are denied with 503"
 */
export function logOutages(effect: string): Pick<Outage, "failed" | "succeeded"> {
  return createOutage("failClosed", createEmitter({}), effect);
}

const EFFECTS = {
  fallback: "requests are decided by the fallback",
  failOpen: "requests are allowed without a limit",
  failClosed: "requests are denied with 503",
};

function startOf(error: SluiceError, effect: string): string {
  const { code, message, cause } = error;
  const why = message.replace(/^\[sluice\] /, "");
  // Node's AggregateError for several addresses has no message.
  const reason = cause instanceof Error ? cause.message || cause.name : "";
  const known = why.includes(reason) ? "" : ` (${reason})`;
  return `[sluice] the store failed, and ${effect} until it answers again: ${code}: ${why}${known}`;
}
