import type { Decision } from "../decision.js";
import { SluiceError } from "../errors.js";
import { type Clock, sleep as realSleep } from "./clock.js";

/** One caller of `wait`. */
export interface WaitRequest {
  /** Requests with the same line are served in order of arrival. */
  readonly line: string;
  readonly cost: number;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Asks for admission. */
  consume(): Promise<Decision>;
  /** A lower bound of the time until `total` units have been granted. */
  minimumWaitMs(total: number): Promise<number>;
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
  readonly done: AbortController;
  readonly resolve: (decision: Decision) => void;
  readonly reject: (error: unknown) => void;
}

export function createWaitQueue(clock: Clock | undefined): WaitQueue {
  const lines = new Map<string, Waiter[]>();
  const nowMs = clock === undefined ? () => performance.now() : () => clock.nowMs();
  const sleep = clock === undefined ? realSleep : (ms: number, signal: AbortSignal) => clock.sleep(ms, signal);

  async function serve(name: string, line: Waiter[]): Promise<void> {
    for (let head = line[0]; head !== undefined; head = line[0]) {
      if (!head.done.signal.aborted) await serveHead(head);
      line.shift();
    }
    lines.delete(name);
  }

  async function serveHead(head: Waiter): Promise<void> {
    const { request, done } = head;
    while (!done.signal.aborted) {
      let decision: Decision;
      try {
        decision = await request.consume();
      } catch (error) {
        return head.reject(error);
      }
      if (done.signal.aborted) {
        // Nobody is left to hear of a failure; the charge then stays, as if the caller had used it.
        if (decision.allowed) await request.giveBack(decision).catch(() => {});
        return;
      }
      if (decision.allowed) return head.resolve(decision);
      if (decision.source === "failClosed") return head.reject(decision.error);
      const { retryAfterMs } = decision;
      if (retryAfterMs === undefined) return head.reject(waitTimeout("the cost is more than the limit ever allows"));
      if (nowMs() + retryAfterMs > head.dueMs) return head.reject(cannotBeMet(retryAfterMs, request));
      await Promise.race([sleep(retryAfterMs, done.signal), aborted(done.signal)]);
    }
  }

  async function refuseIfHopeless(waiter: Waiter, total: number): Promise<void> {
    const waitMs = await waiter.request.minimumWaitMs(total);
    if (nowMs() + waitMs > waiter.dueMs) waiter.reject(cannotBeMet(waitMs, waiter.request));
  }

  return {
    wait(request) {
      return new Promise((resolve, reject) => {
        const { line: name, signal, timeoutMs } = request;
        if (signal?.aborted) return reject(signal.reason);
        const done = new AbortController();
        const settle = (): void => {
          done.abort();
          signal?.removeEventListener("abort", onAbort);
        };
        const waiter: Waiter = {
          request,
          dueMs: timeoutMs === undefined ? Number.POSITIVE_INFINITY : nowMs() + timeoutMs,
          done,
          resolve(decision) {
            settle();
            resolve(decision);
          },
          reject(error) {
            settle();
            reject(error);
          },
        };
        const onAbort = (): void => waiter.reject(signal?.reason);
        signal?.addEventListener("abort", onAbort, { once: true });

        const line = lines.get(name);
        if (line === undefined) {
          const started = [waiter];
          lines.set(name, started);
          void serve(name, started);
          return;
        }
        line.push(waiter);
        if (timeoutMs === undefined) return;
        const ahead = line.reduce((cost, other) => cost + (other.done.signal.aborted ? 0 : other.request.cost), 0);
        refuseIfHopeless(waiter, ahead).catch(waiter.reject);
        void sleep(timeoutMs, done.signal).then(() =>
          waiter.reject(waitTimeout(`it was not granted within ${timeoutMs} ms`)),
        );
      });
    },
    close() {
      for (const waiter of [...lines.values()].flat()) {
        waiter.reject(new SluiceError("CLOSED", "the limiter was closed while the call waited"));
      }
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function cannotBeMet(waitMs: number, { timeoutMs }: WaitRequest): SluiceError {
  return waitTimeout(
    `it can't be granted before ${Math.ceil(waitMs)} ms from now, and may take ${timeoutMs} ms at most`,
  );
}

function waitTimeout(why: string): SluiceError {
  return new SluiceError("WAIT_TIMEOUT", `wait: ${why}; nothing was charged`);
}
