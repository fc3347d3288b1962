import { type BatcherOptions, createBatchers, SluiceError, storeTimeout } from "@sluice/core/store";
import { ONE_SLOT, type Slots, tagOf } from "./keys.js";
import { isServerError } from "./replies.js";

/** Sends a command for one stored key; one that can't be answered by the deadline is not sent. */
export type Singly = <T>(key: string, send: () => Promise<T>, deadlineMs: number | undefined) => Promise<T>;

/** Commands that can't share a script leave as those that do: in an outage they leave no queue behind in the client. */
export function createSingly(slots: Slots): Singly {
  const batcherOf = createBatchers<() => Promise<unknown>, unknown>(singleCalls);
  return async <T>(key: string, send: () => Promise<T>, deadlineMs: number | undefined) => {
    const queue = slots.split ? slots.serverOf(tagOf(key)) : ONE_SLOT;
    return (await batcherOf(queue).add(send, deadlineMs)) as T;
  };
}

/** A server that has answered nothing for this long, and for two round trips, may be frozen. */
const HESITATE_MS = 25;

/** Sends the calls of a batch at once; to a server that may be frozen one first, and the others when it has been answered. */
function singleCalls(): BatcherOptions<() => Promise<unknown>, unknown> {
  /** When the first call after the last answer was sent. */
  let silentSinceMs: number | undefined;
  let roundTripMs = 0;

  async function attempt(send: () => Promise<unknown>): Promise<unknown> {
    const sentMs = performance.now();
    silentSinceMs ??= sentMs;
    const answer = await send().catch((error: SluiceError) => error);
    silentSinceMs = undefined;
    roundTripMs = performance.now() - sentMs;
    return answer;
  }

  return {
    async run(sends, deadlineMs) {
      const silentMs = silentSinceMs === undefined ? 0 : performance.now() - silentSinceMs;
      const first = silentMs > HESITATE_MS + 2 * roundTripMs ? 1 : sends.length;
      const answers = await Promise.all(sends.slice(0, first).map(attempt));
      throwUnreachable(answers);
      const isLate = performance.now() >= deadlineMs;
      const others = sends.slice(first).map((send) => (isLate ? tooLate() : attempt(send)));
      return [...answers, ...(await Promise.all(others))];
    },
  };
}

function tooLate(): SluiceError {
  return storeTimeout("Redis did not answer an earlier call in time; this one was not sent");
}

/** Fails a batch of which no call reached the server, so that the batcher probes it. */
function throwUnreachable(answers: readonly unknown[]): void {
  const unreachable = answers.every((answer) => answer instanceof SluiceError && !isServerError(answer.cause));
  if (unreachable && answers.length > 0) throw answers[0];
}
