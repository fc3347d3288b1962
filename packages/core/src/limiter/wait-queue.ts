import { SluiceError } from "../errors.js";
import { createAbortListeners } from "./abort-listeners.js";
import { type Clock, startClockTimer, startTimer as startRealTimer } from "./clock.js";
import type { Decision } from "./decision.js";
import { cannotBeMet, neverFits, waitTimeout } from "./wait-errors.js";
import { judge } from "./wait-judge.js";
import {
  append,
  createLine,
  type Line,
  prepend,
  remove,
  type Waiter,
  type WaitRequest,
  waitersOf,
} from "./wait-line.js";

/** Lines of callers, one for each key. */
export interface WaitQueue {
  wait(request: WaitRequest): Promise<Decision>;
  /** Rejects all waiting callers. */
  close(): void;
}

/** How often the callers at the front check that the line moves. Callers further back check less often. */
const WATCH_MS = 500;

/** How long a turn may be overdue before another caller takes it over. */
const GRACE_MS = 200;

/** Timers may end this much early: they count from the start of the event loop's turn in which they were started. */
const EARLY_MS = 20;

/** A grant that differs from the forecast by more than this shows that others use the same keys too. */
const DRIFT_MS = 50;

/**
 * Creates the lines. Every caller acts in its own asynchronous context: on Workers the timers and calls of a request end
 * with the request, and traces belong to the caller. So if a turn is long overdue, a caller further back takes it over.
 */
export function createWaitQueue(clock: Clock | undefined, storeTimeoutMs: number): WaitQueue {
  const lines = new Map<string, Line>();
  const listenToAbort = createAbortListeners();
  const nowMs = clock === undefined ? () => performance.now() : () => clock.nowMs();
  const startTimer =
    clock === undefined ? startRealTimer : (ms: number, wake: () => void) => startClockTimer(clock, ms, wake);

  function leave(line: Line, waiter: Waiter): boolean {
    if (waiter.left) return false;
    waiter.left = true;
    waiter.unlisten();
    waiter.unwatch();
    remove(line, waiter);
    line.gone++;
    waiter.wake();
    // The turn of a caller whose request is under way ends later, so that the next caller sees its result.
    if (line.turn?.by === waiter && !waiter.asking) passOn(line);
    return true;
  }

  function grant(line: Line, waiter: Waiter, decision: Decision): void {
    if (leave(line, waiter)) waiter.resolve(decision);
  }

  function refuse(line: Line, waiter: Waiter, error: unknown): void {
    if (leave(line, waiter)) waiter.reject(error);
  }

  function takeTurn(line: Line, waiter: Waiter): void {
    line.turn = { by: waiter, untilMs: nowMs(), timers: setTimeout };
    waiter.wake();
  }

  function passOn(line: Line): void {
    line.turn = undefined;
    if (line.first !== undefined) takeTurn(line, line.first);
    else if (lines.get(line.name) === line) lines.delete(line.name);
  }

  function isOverdue({ turn }: Line): boolean {
    if (turn === undefined || clock !== undefined) return false;
    return nowMs() > turn.untilMs + GRACE_MS || turn.timers !== setTimeout;
  }

  /** Takes over the turn of a caller that does not use it. */
  function passOver(line: Line, waiter: Waiter): void {
    const idle = line.turn?.by;
    if (idle !== undefined && idle !== waiter) remove(line, idle);
    line.asking = undefined;
    takeTurn(line, waiter);
  }

  /** Resolves when the caller is woken, or after a time. */
  function rest(waiter: Waiter, ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = ms === undefined ? undefined : startTimer(ms, resolve);
      waiter.wake = () => {
        cancel?.();
        resolve();
      };
    });
  }

  /** Asks for admission until the caller has its answer. */
  async function attend(line: Line, waiter: Waiter): Promise<void> {
    // Thousands may join in one turn of the event loop. The first caller's time for an answer starts when all have joined.
    await undefined;
    while (!waiter.left) {
      const { turn } = line;
      if (turn?.by === waiter) {
        const retryAfterMs = await ask(line, waiter);
        if (retryAfterMs === undefined) continue;
        turn.untilMs = nowMs() + retryAfterMs;
        await rest(waiter, retryAfterMs);
        const earlyMs = turn.untilMs - nowMs();
        if (earlyMs > 0 && earlyMs < EARLY_MS) await rest(waiter, earlyMs);
      } else {
        if (!waiter.inLine) prepend(line, waiter);
        if (turn === undefined) takeTurn(line, waiter);
        else await rest(waiter);
      }
    }
  }

  /** Ends a wait at its deadline, and checks that the line moves. */
  function watch(line: Line, waiter: Waiter): void {
    const dueInMs = waiter.dueMs + 1 - nowMs();
    const ahead = Math.max(0, waiter.number - line.gone);
    const watchMs = clock === undefined ? WATCH_MS * 2 ** (32 - Math.clz32(ahead >> 5)) : Number.POSITIVE_INFINITY;
    const ms = Math.min(dueInMs, watchMs);
    if (ms === Number.POSITIVE_INFINITY) return;
    waiter.unwatch = startTimer(ms, () => {
      if (dueInMs <= watchMs) {
        // A grant at the very end of the time still counts.
        refuse(line, waiter, waitTimeout(`it was not granted within ${waiter.request.timeoutMs} ms`));
        return;
      }
      if (isOverdue(line) && !waiter.asking) passOver(line, waiter);
      watch(line, waiter);
    });
  }

  /** Asks for admission. Returns how long to sleep before the next try, or `undefined` if the caller has its answer. */
  async function ask(line: Line, waiter: Waiter): Promise<number | undefined> {
    const { turn } = line;
    if (turn !== undefined) turn.untilMs = nowMs() + storeTimeoutMs;
    line.asks++;
    waiter.asking = true;
    const asking = answer(line, waiter);
    line.asking = asking;
    const retryAfterMs = await asking;
    waiter.asking = false;
    if (line.asking === asking) line.asking = undefined;
    if (waiter.left && line.turn?.by === waiter) passOn(line);
    return retryAfterMs;
  }

  async function answer(line: Line, waiter: Waiter): Promise<number | undefined> {
    const { request } = waiter;
    const askedMs = performance.now();
    let decision: Decision;
    try {
      decision = await request.consume();
    } catch (error) {
      refuse(line, waiter, error);
      return undefined;
    }
    const { allowed, source, retryAfterMs } = decision;
    if (source === "failOpen" || source === "failClosed") {
      failed(line, waiter, decision, askedMs);
      return undefined;
    }
    line.failures = 0;
    line.failingSinceMs = undefined;
    const expectedMs = nowMs() + (retryAfterMs ?? 0);
    if (!(Math.abs(expectedMs - waiter.forecastMs) <= DRIFT_MS)) line.forecast = undefined;
    if (waiter.left) {
      // If the refund fails, the charge stays as if the caller had used it.
      if (allowed) await request.refund(decision).catch(() => {});
    } else if (allowed) {
      grant(line, waiter, decision);
    } else if (retryAfterMs === undefined) {
      refuse(line, waiter, neverFits());
    } else if (expectedMs > waiter.dueMs) {
      refuse(line, waiter, cannotBeMet(retryAfterMs, request));
    } else {
      return retryAfterMs;
    }
    return undefined;
  }

  /** Answers the caller. Also answers all others once the store has not answered for as long as a decision may take. */
  function failed(line: Line, waiter: Waiter, decision: Decision, askedMs: number): void {
    const tookMs = performance.now() - askedMs;
    // A first failure that comes much too late shows that this process stood still. It says nothing about the store.
    const shows = line.failures > 0 || tookMs < 2 * storeTimeoutMs;
    line.failures++;
    line.failingSinceMs ??= askedMs;
    const all = shows && performance.now() - line.failingSinceMs >= storeTimeoutMs;
    for (const each of all ? waitersOf(line) : [waiter]) {
      if (decision.allowed) grant(line, each, { ...decision, cost: each.request.cost });
      else refuse(line, each, decision.error);
    }
  }

  function join(request: WaitRequest): Promise<Decision> {
    const name = request.line;
    const line = lines.get(name) ?? createLine(name);
    lines.set(name, line);
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs } = request;
      const waiter: Waiter = {
        request,
        dueMs: timeoutMs === undefined ? Number.POSITIVE_INFINITY : nowMs() + timeoutMs,
        number: line.joined++,
        resolve,
        reject,
        wake: nothing,
        unwatch: nothing,
        unlisten: nothing,
        left: false,
        asking: false,
        forecastMs: Number.NaN,
        inLine: false,
        before: undefined,
        behind: undefined,
      };
      if (signal !== undefined) waiter.unlisten = listenToAbort(signal, () => refuse(line, waiter, signal.reason));
      append(line, waiter);
      if (line.turn === undefined) takeTurn(line, waiter);
      else if (isOverdue(line)) passOver(line, waiter);
      if (line.turn?.by !== waiter) {
        watch(line, waiter);
        void judge(line, waiter, {
          nowMs,
          storeTimeoutMs,
          refuse: (late, waitMs) => refuse(line, late, cannotBeMet(waitMs, late.request)),
        });
      }
      void attend(line, waiter);
    });
  }

  return {
    async wait(request) {
      request.signal?.throwIfAborted();
      if (request.neverFits) throw neverFits();
      return join(request);
    },
    close() {
      for (const line of [...lines.values()]) {
        for (const waiter of waitersOf(line)) {
          refuse(line, waiter, new SluiceError("CLOSED", "the limiter was closed while the call waited"));
        }
      }
    },
  };
}

function nothing(): void {}
