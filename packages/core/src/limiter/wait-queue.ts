import type { Decision } from "../decision.js";
import { SluiceError } from "../errors.js";
import { type Clock, sleep as realSleep } from "./clock.js";

/** One caller of `wait`. */
export interface WaitRequest {
  /** Requests with the same line are served in order of arrival. */
  readonly line: string;
  readonly cost: number;
  /** Whether the cost is more than some policy grants at once. */
  readonly neverFits: boolean;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Asks for admission. */
  consume(): Promise<Decision>;
  /** A lower bound of the time until so many callers, with these costs, have been granted. */
  minimumWaitMs(costs: readonly number[]): Promise<number>;
  /** Takes back an admission that came after the caller had gone. */
  giveBack(decision: Decision): Promise<unknown>;
}

/** Lines of callers, one for each key. */
export interface WaitQueue {
  wait(request: WaitRequest): Promise<Decision>;
  /** Rejects all who wait. */
  close(): void;
}

interface Waiter {
  readonly request: WaitRequest;
  readonly dueMs: number;
  /** Aborted when the caller has its answer. */
  readonly done: AbortSignal;
  /** Resolves then. */
  readonly gone: Promise<void>;
  readonly resolve: (decision: Decision) => void;
  readonly reject: (error: unknown) => void;
}

interface Line {
  /** Those who wait for an answer; the first of them is being served. */
  readonly waiters: Waiter[];
  /** The question on its way, settled when the first has drawn its consequence. */
  asking: Promise<unknown> | undefined;
  /** Questions so far. */
  asks: number;
}

export function createWaitQueue(clock: Clock | undefined): WaitQueue {
  const lines = new Map<string, Line>();
  const nowMs = clock === undefined ? () => performance.now() : () => clock.nowMs();
  const sleep = clock === undefined ? realSleep : (ms: number, signal: AbortSignal) => clock.sleep(ms, signal);

  async function serve(name: string, line: Line): Promise<void> {
    for (let first = line.waiters[0]; first !== undefined; first = line.waiters[0]) {
      await serveFirst(line, first);
      line.waiters.shift();
    }
    lines.delete(name);
  }

  async function serveFirst(line: Line, first: Waiter): Promise<void> {
    while (!first.done.aborted) {
      line.asks++;
      const asking = ask(first);
      line.asking = asking;
      const sleepMs = await asking;
      line.asking = undefined;
      if (sleepMs !== undefined) await Promise.race([sleep(sleepMs, first.done), first.gone]);
    }
  }

  /** Asks for admission: gives the caller its answer, or returns how long to sleep before the next try. */
  async function ask(first: Waiter): Promise<number | undefined> {
    const { request, done, dueMs } = first;
    let decision: Decision;
    try {
      decision = await request.consume();
    } catch (error) {
      first.reject(error);
      return undefined;
    }
    const { allowed, source, retryAfterMs } = decision;
    if (done.aborted) {
      // Nobody is left to hear of a failure; the charge then stays, as if the caller had used it.
      if (allowed) await request.giveBack(decision).catch(() => {});
    } else if (allowed) {
      first.resolve(decision);
    } else if (source === "failClosed") {
      first.reject(decision.error);
    } else if (retryAfterMs === undefined) {
      first.reject(waitTimeout(NEVER));
    } else if (nowMs() + retryAfterMs > dueMs) {
      first.reject(cannotBeMet(retryAfterMs, request));
    } else {
      return retryAfterMs;
    }
    return undefined;
  }

  /** Looks again when the line moved meanwhile: a grant must not count as used and as waiting at once. */
  async function refuseIfHopeless(line: Line, waiter: Waiter): Promise<void> {
    for (let asks = -1; asks !== line.asks; ) {
      await line.asking;
      if (waiter.done.aborted || line.waiters[0] === waiter) return;
      asks = line.asks;
      const waitMs = await waiter.request.minimumWaitMs(costsUpTo(line, waiter));
      if (asks === line.asks && nowMs() + waitMs > waiter.dueMs) waiter.reject(cannotBeMet(waitMs, waiter.request));
    }
  }

  function join(line: Line, request: WaitRequest): Promise<Decision> {
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs } = request;
      const done = new AbortController();
      const onAbort = (): void => waiter.reject(signal?.reason);
      const leave = (): void => {
        done.abort();
        signal?.removeEventListener("abort", onAbort);
        // The first leaves when it has been served, so that nobody is served twice at once.
        const place = line.waiters.indexOf(waiter);
        if (place > 0) line.waiters.splice(place, 1);
      };
      const waiter: Waiter = {
        request,
        dueMs: timeoutMs === undefined ? Number.POSITIVE_INFINITY : nowMs() + timeoutMs,
        done: done.signal,
        gone: new Promise((go) => done.signal.addEventListener("abort", () => go(), { once: true })),
        resolve(decision) {
          leave();
          resolve(decision);
        },
        reject(error) {
          leave();
          reject(error);
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      line.waiters.push(waiter);
      if (timeoutMs === undefined || line.waiters[0] === waiter) return;
      refuseIfHopeless(line, waiter).catch(waiter.reject);
      // A grant at the very end of the time still counts.
      void sleep(timeoutMs + 1, done.signal).then(() =>
        waiter.reject(waitTimeout(`it was not granted within ${timeoutMs} ms`)),
      );
    });
  }

  return {
    async wait(request) {
      const { line: name, signal } = request;
      signal?.throwIfAborted();
      if (request.neverFits) throw waitTimeout(NEVER);
      const present = lines.get(name);
      if (present !== undefined) return join(present, request);
      const line: Line = { waiters: [], asking: undefined, asks: 0 };
      lines.set(name, line);
      const decision = join(line, request);
      void serve(name, line);
      return decision;
    },
    close() {
      for (const waiter of [...lines.values()].flatMap(({ waiters }) => waiters)) {
        waiter.reject(new SluiceError("CLOSED", "the limiter was closed while the call waited"));
      }
    },
  };
}

/** What each of those up to the waiter wants. */
function costsUpTo({ waiters }: Line, waiter: Waiter): readonly number[] {
  return waiters
    .slice(0, waiters.indexOf(waiter) + 1)
    .filter(({ done }) => !done.aborted)
    .map(({ request }) => request.cost);
}

const NEVER = "the cost is more than the limit ever allows";

function cannotBeMet(waitMs: number, { timeoutMs }: WaitRequest): SluiceError {
  return waitTimeout(
    `it can't be granted before ${Math.ceil(waitMs)} ms from now, and may take ${timeoutMs} ms at most`,
  );
}

function waitTimeout(why: string): SluiceError {
  return new SluiceError("WAIT_TIMEOUT", `wait: ${why}; nothing was charged`);
}
