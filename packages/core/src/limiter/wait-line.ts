import type { Decision } from "./decision.js";
import type { Forecast } from "./forecast.js";

/** One caller of `wait`. */
export interface WaitRequest {
  /** Requests with the same line are served in order of arrival. */
  readonly line: string;
  readonly cost: number;
  /** True if the cost is more than some policy grants at once. */
  readonly neverFits: boolean;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Asks for admission. */
  consume(): Promise<Decision>;
  /** Reads the state, to play the line ahead on it. */
  look(): Promise<Forecast>;
  /** Refunds an admission that came after the caller had left. */
  refund(decision: Decision): Promise<unknown>;
}

/** A caller in line. */
export interface Waiter {
  readonly request: WaitRequest;
  readonly dueMs: number;
  /** The number of callers that had joined the line before. */
  readonly number: number;
  readonly resolve: (decision: Decision) => void;
  readonly reject: (error: unknown) => void;
  /** Ends its rest, whatever it rests for. */
  wake: () => void;
  /** Ends its watch over the line and over its own deadline. */
  unwatch: () => void;
  /** Removes its listener from the request's signal. */
  unlisten: () => void;
  /** True if it has its answer. */
  left: boolean;
  /** True if its question is on its way. */
  asking: boolean;
  /** When it is granted by the line's forecast; `NaN` when it is not in it. */
  forecastMs: number;
  inLine: boolean;
  before: Waiter | undefined;
  behind: Waiter | undefined;
}

/**
 * The caller that acts for the line, and until when: only a caller whose context has ended takes longer than a request
 * or a sleep.
 */
export interface Turn {
  readonly by: Waiter;
  untilMs: number;
  /** The timers by which it sleeps. */
  readonly timers: typeof setTimeout;
}

/** Callers with the same keys, in order of arrival: a linked list, since anyone may leave at any time. */
export interface Line {
  readonly name: string;
  first: Waiter | undefined;
  last: Waiter | undefined;
  turn: Turn | undefined;
  /** The question on its way, settled when its consequences have been drawn. */
  asking: Promise<unknown> | undefined;
  /** Questions so far. */
  asks: number;
  /** Callers that joined, and callers that left. */
  joined: number;
  gone: number;
  /** Questions in a row that failed. */
  failures: number;
  /** When the store began to fail, by `performance.now()`; `undefined` while it answers. */
  failingSinceMs: number | undefined;
  /** The forecast for the callers in line, and the time of its look. */
  forecast: Forecast | undefined;
  lookedMs: number;
  /** Until when a look is under way, by `performance.now()`. */
  lookingUntilMs: number;
  /** The next caller to be played ahead. */
  cursor: Waiter | undefined;
  /** No sooner than that the whole line is played ahead again, by `performance.now()`. */
  nextReplayMs: number;
}

export function createLine(name: string): Line {
  return {
    name,
    first: undefined,
    last: undefined,
    turn: undefined,
    asking: undefined,
    asks: 0,
    joined: 0,
    gone: 0,
    failures: 0,
    failingSinceMs: undefined,
    forecast: undefined,
    lookedMs: 0,
    lookingUntilMs: 0,
    cursor: undefined,
    nextReplayMs: 0,
  };
}

export function append(line: Line, waiter: Waiter): void {
  waiter.before = line.last;
  if (line.last === undefined) line.first = waiter;
  else line.last.behind = waiter;
  line.last = waiter;
  waiter.inLine = true;
}

/** Puts a caller that was passed over back, ahead of all. */
export function prepend(line: Line, waiter: Waiter): void {
  waiter.behind = line.first;
  if (line.first === undefined) line.last = waiter;
  else line.first.before = waiter;
  line.first = waiter;
  waiter.inLine = true;
}

export function remove(line: Line, waiter: Waiter): void {
  if (!waiter.inLine) return;
  const { before, behind } = waiter;
  if (line.cursor === waiter) line.cursor = behind;
  if (before === undefined) line.first = behind;
  else before.behind = behind;
  if (behind === undefined) line.last = before;
  else behind.before = before;
  waiter.before = undefined;
  waiter.behind = undefined;
  waiter.inLine = false;
}

/** All callers in line. */
export function waitersOf(line: Line): readonly Waiter[] {
  const waiters: Waiter[] = [];
  for (let waiter = line.first; waiter !== undefined; waiter = waiter.behind) waiters.push(waiter);
  return waiters;
}
