import { startTimer } from "./clock.js";
import type { Forecast } from "./forecast.js";
import type { Line, Waiter } from "./wait-line.js";

/** The parts of the queue that judging needs. */
export interface Judging {
  nowMs(): number;
  readonly storeTimeoutMs: number;
  /** Refuses a caller that can't be granted sooner than `waitMs` from now. */
  refuse(waiter: Waiter, waitMs: number): void;
}

/** Callers that are played ahead without a pause. A longer line lets other work of the process run in between. */
const SLICE = 1_000;

/** A long line is simulated again no sooner than after this many times the time that it took. */
const PAUSE = 4;

/**
 * Refuses a caller that has just joined when its deadline can't be met. A caller that fits in behind the line's forecast
 * stays without a call to the store. For all others the state is read, once for all that join meanwhile, and the whole
 * line is played ahead on it. Callers whose deadline can't be met do not count.
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
    // A question during the look makes its result too favourable. The second look is good enough.
    if (!(await look(line, judging, false))) await look(line, judging, true);
  } catch {
    // A store that fails can't show whose deadline can be met. Callers then wait.
  } finally {
    if (line.lookingUntilMs === untilMs) line.lookingUntilMs = 0;
  }
}

function fits(line: Line, forecast: Forecast, waiter: Waiter): boolean {
  const afterMs = forecast.add(waiter.request.cost, waiter.dueMs - line.lookedMs);
  waiter.forecastMs = line.lookedMs + afterMs;
  return waiter.forecastMs <= waiter.dueMs;
}

/** Reads the state, and plays the line ahead on it. Returns whether that was good enough. */
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
    // One whose question is on its way may have been charged already.
    if (waiter.asking || fits(line, forecast, waiter)) continue;
    // The caller whose turn it is learns so by its own questions.
    if (line.turn?.by !== waiter) refuse(waiter, waiter.forecastMs - nowMs());
  }
  const endMs = performance.now();
  if (count >= SLICE) line.nextReplayMs = endMs + PAUSE * (endMs - startMs);
  // From here on, those who join are judged by this forecast.
  line.forecast = forecast;
  if (isDone) line.lookingUntilMs = 0;
  return isDone;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void startTimer(ms, resolve));
}
