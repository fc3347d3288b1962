import { type Batcher, type BatcherOptions, createBatcher } from "./batcher.js";

/** More queues than any cluster has servers. Their addresses change, so all batchers are forgotten when there are more. */
const MAX_QUEUES = 256;

/**
 * Returns the batcher of each queue, such as one for each server, so that a server that does not answer occupies only
 * its own batches. Unlike those of a keyed batcher they are kept, and with them the known latency of the server.
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
