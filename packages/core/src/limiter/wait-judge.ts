import { startTimer } from "./clock.js";
import type { Forecast } from "./forecast.js";
import type { Line, Waiter } from "./wait-line.js";

/** The parts of the queue that `judge` needs. */
export interface Judging {
  nowMs(): number;
  readonly storeTimeoutMs: number;
  /** Rejects a caller that can't be granted sooner than `waitMs` from now. */
  refuse(waiter: Waiter, waitMs: number): void;
}

/** How many callers are simulated without a pause. In a longer line, other work of the process runs in between. */
const SLICE = 1_000;

/** How long to wait before simulating a long line again, as a multiple of the time that the last simulation took. */
const PAUSE = 4;

/**
 * Rejects a caller that has just joined if its deadline can't be met. No call to the store is needed if the caller fits at
 * the end of the line's forecast. Otherwise the state is read, once for all callers that join meanwhile, and the whole line
 * is simulated on it. The simulation skips callers whose deadline can't be met.
 */
export async function judge(line: Line, waiter: Waiter, judging: Judging): Promise<void> {
  const isLooking = performance.now() < line.lookingUntilMs;
  if (isLooking || (line.forecast !== undefined && fits(line, line.forecast, waiter))) return;
  // Callers without a deadline are never refused.
  if (waiter.dueMs === Number.POSITIVE_INFINITY) return;
  const pauseMs = line.nextReplayMs - performance.now();
  const untilMs = performance.now() + Math.max(0, pauseMs) + 4 * judging.storeTimeoutMs;
  line.lookingUntilMs = untilMs;
  try {
    if (pauseMs > 0) await pause(pauseMs);
    // A decision during the look makes its result too favourable. The second look is accepted in any case.
    if (!(await look(line, judging, false))) await look(line, judging, true);
  } catch {
    // A store that fails can't show whose deadline can be met, so callers wait.
  } finally {
    if (line.lookingUntilMs === untilMs) line.lookingUntilMs = 0;
  }
}

function fits(line: Line, forecast: Forecast, waiter: Waiter): boolean {
  const afterMs = forecast.add(waiter.request.cost, waiter.dueMs - line.lookedMs);
  waiter.forecastMs = line.lookedMs + afterMs;
  return waiter.forecastMs <= waiter.dueMs;
}

/** Reads the state and simulates the line on it. Returns whether the result is reliable enough. */
async function look(line: Line, { nowMs, refuse }: Judging, isLast: boolean): Promise<boolean> {
  await line.asking;
  const { asks, first } = line;
  if (first === undefined) return true;
  line.lookedMs = nowMs();
  const forecast = await first.request.look();
  const isDone = isLast || asks === line.asks;
  const startMs = performance.now();
  let count = 0;
  for (line.cursor = line.first; line.cursor !== undefined; ) {
    if (++count % SLICE === 0) await pause(0);
    const waiter = line.cursor;
    if (waiter === undefined) break;
    line.cursor = waiter.behind;
    // A caller whose call is under way may already have been charged.
    if (waiter.asking || fits(line, forecast, waiter)) continue;
    // The caller whose turn it is learns this from its own calls.
    if (line.turn?.by !== waiter) refuse(waiter, waiter.forecastMs - nowMs());
  }
  const endMs = performance.now();
  if (count >= SLICE) line.nextReplayMs = endMs + PAUSE * (endMs - startMs);
  // From now on, callers that join are judged by this forecast.
  line.forecast = forecast;
  if (isDone) line.lookingUntilMs = 0;
  return isDone;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void startTimer(ms, resolve));
}
