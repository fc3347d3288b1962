import { type Batcher, type BatcherOptions, createBatcher, SluiceError } from "@sluice/core/store";
import { isServerError } from "./failures.js";
import type { Slots } from "./slots.js";

/** More servers than any cluster has. Their addresses change, so all batchers are forgotten when there are more. */
const MAX_PLACES = 256;

/** A batcher for each server, so that one that does not answer occupies its own batches only. */
export function createPlaces<Item, Result>(
  optionsOf: (place: string) => BatcherOptions<Item, Result>,
): (place: string) => Batcher<Item, Result> {
  const batchers = new Map<string, Batcher<Item, Result>>();
  return (place) => {
    let batcher = batchers.get(place);
    if (batcher === undefined) {
      if (batchers.size === MAX_PLACES) batchers.clear();
      batcher = createBatcher(optionsOf(place));
      batchers.set(place, batcher);
    }
    return batcher;
  };
}

/** Sends a command for keys with this hash tag; one that can't be answered by the deadline is not sent. */
export type Singly = <T>(tag: string, send: () => Promise<T>, deadlineMs: number | undefined) => Promise<T>;

/** Commands that can't share a script leave as those that do: in an outage they leave no queue behind in the client. */
export function createSingly(slots: Slots): Singly {
  const batcherOf = createPlaces<() => Promise<unknown>, unknown>(singleCalls);
  return async <T>(tag: string, send: () => Promise<T>, deadlineMs: number | undefined) =>
    (await batcherOf(slots.placeOf(tag)).add(send, deadlineMs)) as T;
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
  return new SluiceError("STORE_TIMEOUT", "Redis did not answer an earlier call in time; this one was not sent");
}

/** Fails a batch of which no call reached the server, so that the batcher probes it. */
export function throwUnreachable(answers: readonly unknown[]): void {
  const unreachable = answers.every((answer) => answer instanceof SluiceError && !isServerError(answer.cause));
  if (unreachable && answers.length > 0) throw answers[0];
}
