import type { Decision } from "./decision.js";
import type { Forecast } from "./forecast.js";

/** One caller of `wait`. */
export interface WaitRequest {
  /** Requests for the same line are served in order of arrival. */
  readonly line: string;
  readonly cost: number;
  /** True if the cost is more than some policy grants at once. */
  readonly neverFits: boolean;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Asks for admission. */
  consume(): Promise<Decision>;
  /** Reads the state, for a simulation of the line. */
  look(): Promise<Forecast>;
  /** Refunds an admission that arrived after the caller had left. */
  refund(decision: Decision): Promise<unknown>;
}

/** A caller in line. */
export interface Waiter {
  readonly request: WaitRequest;
  readonly dueMs: number;
  /** The number of callers that joined the line earlier. */
  readonly number: number;
  readonly resolve: (decision: Decision) => void;
  readonly reject: (error: unknown) => void;
  /** Ends any kind of rest. */
  wake: () => void;
  /** Stops watching the line and the deadline. */
  unwatch: () => void;
  /** Removes the listener from the request's signal. */
  unlisten: () => void;
  /** True if the caller has left the line, with an answer. */
  left: boolean;
  /** True while its call for admission is under way. */
  asking: boolean;
  /** When the line's forecast grants it. `NaN` if it is not in the forecast. */
  forecastMs: number;
  inLine: boolean;
  before: Waiter | undefined;
  behind: Waiter | undefined;
}

/**
 * The caller that acts for the line, and until when. A caller exceeds the time of its call or sleep only if its context has
 * ended.
 */
export interface Turn {
  readonly by: Waiter;
  untilMs: number;
  /** The timers that it sleeps with. */
  readonly timers: typeof setTimeout;
}

/** Callers with the same keys, in order of arrival. A linked list, because callers may leave from any place. */
export interface Line {
  readonly name: string;
  first: Waiter | undefined;
  last: Waiter | undefined;
  turn: Turn | undefined;
  /** The call for admission under way. It settles after its result has been handled. */
  asking: Promise<unknown> | undefined;
  /** Calls for admission so far. */
  asks: number;
  /** The numbers of callers that joined and that left. */
  joined: number;
  gone: number;
  /** Calls in a row that failed. */
  failures: number;
  /** When the store started to fail, by `performance.now()`. `undefined` while it answers. */
  failingSinceMs: number | undefined;
  /** The forecast for the callers in line, and when the store was read for it. */
  forecast: Forecast | undefined;
  lookedMs: number;
  /** The time by which the current look ends, by `performance.now()`. */
  lookingUntilMs: number;
  /** The next caller to be simulated. */
  cursor: Waiter | undefined;
  /** The earliest time for simulating the whole line again, by `performance.now()`. */
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

/** Puts a caller that was passed over back at the front. */
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
