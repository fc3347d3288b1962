import { type Batcher, type BatcherOptions, createBatcher, SluiceError } from "@sluice/core";
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
  const batcherOf = createPlaces<() => Promise<unknown>, unknown>(() => ({
    async run(sends) {
      const answers = await Promise.all(sends.map((send) => send().catch((error: SluiceError) => error)));
      throwUnreachable(answers);
      return answers;
    },
  }));
  return async <T>(tag: string, send: () => Promise<T>, deadlineMs: number | undefined) =>
    (await batcherOf(slots.placeOf(tag)).add(send, deadlineMs)) as T;
}

/** Fails a batch of which no call reached the server, so that the batcher probes it. */
export function throwUnreachable(answers: readonly unknown[]): void {
  const unreachable = answers.every((answer) => answer instanceof SluiceError && !isServerError(answer.cause));
  if (unreachable && answers.length > 0) throw answers[0];
}
