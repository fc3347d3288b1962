import { startDeadline } from "../timer.js";
import { hasRequestContexts } from "./request-context.js";

/** The deadlines that were started in one turn of the event loop. They share one timer. */
interface Turn {
  /** The earliest one. */
  readonly deadlineMs: number;
  readonly waiting: Waiting[];
  /** How many of them have neither passed nor been stopped. */
  left: number;
  stop: () => void;
}

interface Waiting {
  readonly deadlineMs: number;
  readonly passed: () => void;
  ended: boolean;
}

/**
 * Starts deadlines like {@link startDeadline}, but with one timer for all that start in one turn of the event loop, because
 * starting and stopping timers is expensive. On Workers each deadline has a timer: it ends with the request that started
 * it, so a shared one would be lost for the others if that client left.
 */
export function sharedTimers(): (deadlineMs: number, passed: () => void) => () => void {
  if (hasRequestContexts()) return startDeadline;
  let open: Turn | undefined;

  const close = (): void => {
    open = undefined;
  };

  function turnOf(deadlineMs: number): Turn {
    if (open !== undefined && open.left > 0 && deadlineMs >= open.deadlineMs) return open;
    const turn: Turn = { deadlineMs, waiting: [], left: 0, stop: startDeadline(deadlineMs, () => review(turn)) };
    // Uses a promise, which fake timers never replace.
    if (open === undefined) void Promise.resolve().then(close);
    open = turn;
    return turn;
  }

  function review(turn: Turn): void {
    const nowMs = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const one of turn.waiting) {
      if (one.ended) continue;
      if (one.deadlineMs > nowMs) nextMs = Math.min(nextMs, one.deadlineMs);
      else if (end(turn, one)) one.passed();
    }
    if (turn.left > 0) turn.stop = startDeadline(nextMs, () => review(turn));
  }

  function end(turn: Turn, one: Waiting): boolean {
    if (one.ended) return false;
    one.ended = true;
    turn.left--;
    if (turn.left === 0) turn.stop();
    return true;
  }

  return (deadlineMs, passed) => {
    const turn = turnOf(deadlineMs);
    const one: Waiting = { deadlineMs, passed, ended: false };
    turn.left++;
    turn.waiting.push(one);
    return () => end(turn, one);
  };
}
