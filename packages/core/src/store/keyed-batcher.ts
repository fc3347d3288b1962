import type { SluiceError } from "../errors.js";
import type { MaybePromise } from "../maybe-promise.js";
import { type Batcher, type BatcherOptions, createBatcher } from "./batcher.js";

/** Options of {@link createKeyedBatcher}: those of a batcher, whose `run` also gets the key. */
export interface KeyedBatcherOptions<Item, Result> extends Omit<BatcherOptions<Item, Result>, "run"> {
  run(
    key: string,
    items: readonly Item[],
    deadlineMs: number,
  ): Promise<readonly (MaybePromise<Result> | SluiceError)[]>;
}

/** Gathers concurrent calls into batches, separately for each key. */
export interface KeyedBatcher<Item, Result> {
  /** See {@link Batcher.add}. */
  add(key: string, item: Item, deadlineMs?: number): Promise<Result>;
}

interface Lane<Item, Result> {
  readonly batcher: Batcher<Item, Result>;
  /** Calls without an answer. The lane is removed when there are none. */
  calls: number;
}

/** Creates a batcher for each key with calls under way, such as a hash slot, item or entry. */
export function createKeyedBatcher<Item, Result>(
  options: KeyedBatcherOptions<Item, Result>,
): KeyedBatcher<Item, Result> {
  const lanes = new Map<string, Lane<Item, Result>>();

  function laneOf(key: string): Lane<Item, Result> {
    let lane = lanes.get(key);
    if (lane === undefined) {
      const run = (items: readonly Item[], deadlineMs: number) => options.run(key, items, deadlineMs);
      lane = { batcher: createBatcher({ ...options, run }), calls: 0 };
      lanes.set(key, lane);
    }
    return lane;
  }

  return {
    async add(key, item, deadlineMs) {
      const lane = laneOf(key);
      lane.calls++;
      try {
        return await lane.batcher.add(item, deadlineMs);
      } finally {
        lane.calls--;
        if (lane.calls === 0 && lanes.get(key) === lane) lanes.delete(key);
      }
    },
  };
}

/** More queues than any cluster has servers. Server addresses change, so all batchers are removed when there are more. */
const MAX_QUEUES = 256;

/**
 * Returns the batcher of each queue, such as one for each server, so that a server that does not answer delays only its own
 * batches. Unlike those of a keyed batcher they are kept, because they know the latency of the server.
 */
export function createBatchers<Item, Result>(
  optionsOf: (queue: string) => BatcherOptions<Item, Result>,
): (queue: string) => Batcher<Item, Result> {
  const batchers = new Map<string, Batcher<Item, Result>>();
  return (queue) => {
    let batcher = batchers.get(queue);
    if (batcher === undefined) {
      if (batchers.size === MAX_QUEUES) batchers.clear();
      batcher = createBatcher(optionsOf(queue));
      batchers.set(queue, batcher);
    }
    return batcher;
  };
}
