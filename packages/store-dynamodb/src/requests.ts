import { SluiceError } from "@sluice/core/store";
import type { ClockSkew } from "./clock-skew.js";
import { isConnectionError } from "./connection-error.js";
import type { Send } from "./dynamodb-client.js";
import type { Pace } from "./pace.js";
import { type MiddlewareStack, sendOnce, Unanswered, watchAnswers } from "./send-once.js";

/** A command of the AWS SDK. */
export interface Command {
  readonly middlewareStack: object;
}

/** Sends one command. Rejects by the deadline, a time of `performance.now()`, and then gives the connection up. */
export type Request = (command: Command, deadlineMs: number, isWrite: boolean) => Promise<unknown>;

/** How long a request may take whose caller has more time. */
const MAX_REQUEST_MS = 10_000;

/** As it was when this module was loaded, and absent on some runtimes. */
const { setImmediate: startImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };

export function createRequest(send: Send, pace: Pace, skew: ClockSkew): Request {
  return (command, deadlineMs, isWrite) => {
    const stack = command.middlewareStack as MiddlewareStack;
    watchAnswers(stack, ({ date, sentMs, answeredMs, tookMs }) => {
      pace.took(tookMs);
      if (date !== undefined) skew.observe(date, sentMs, answeredMs);
    });
    if (isWrite) sendOnce(stack);

    return new Promise((resolve, reject) => {
      const abort = new AbortController();
      const startMs = performance.now();
      const ended = pace.sent(startMs);
      let settled = false;
      const isFirst = (): boolean => {
        if (settled) return false;
        settled = true;
        clearTimeout(timer);
        return true;
      };
      const giveUp = (): void => {
        if (!isFirst()) return;
        ended(performance.now(), "unanswered");
        // The client may wait for something that can't be aborted, such as credentials.
        reject(
          new SluiceError("STORE_TIMEOUT", "DynamoDB did not answer in time; what was asked may have been done", {
            cause: pace.error,
          }),
        );
        abort.abort();
      };
      const leftMs = Math.min(MAX_REQUEST_MS, deadlineMs - startMs);
      const timer = setTimeout(() => afterReading(giveUp), Math.max(1, leftMs));
      send(command, { abortSignal: abort.signal }).then(
        (answer) => {
          if (!isFirst()) return;
          ended(performance.now(), "answered");
          resolve(answer);
        },
        (error: unknown) => {
          const reason = error instanceof Unanswered ? error.reason : error;
          const isLate = !isFirst();
          const isBroken = isConnectionError(reason);
          if (!isLate) ended(performance.now(), isBroken ? "disconnected" : "answered");
          // A late error tells why there was no answer, such as that there are no credentials.
          if (isBroken || (isLate && !isAbort(reason))) pace.error = reason;
          reject(error);
        },
      );
    });
  };
}

function isAbort(error: unknown): boolean {
  return (error as Partial<Error> | undefined)?.name === "AbortError";
}

/** Timers come before sockets in a turn of the event loop: after a long turn the answer may have arrived and not been read. */
function afterReading(callback: () => void): void {
  if (startImmediate === undefined) callback();
  else startImmediate(() => startImmediate(callback));
}
