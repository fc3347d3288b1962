import type { Store } from "@sluice/core";
import { asynchronous } from "@sluice/core/store";
import { modelStore } from "@sluice/testkit";

/** A store that counts its calls and can be made to fail. */
export interface CountedStore extends Store {
  /** Returns the number of `atomicUpdate` calls since it was last called. */
  calls(): number;
  /** Returns the number of writes since it was last called. */
  writes(): number;
  fails: boolean;
}

export function countedStore(): CountedStore {
  const model = modelStore();
  let calls = 0;
  let writes = 0;
  const store: CountedStore = {
    asynchronous,
    fails: false,
    calls: () => taken(calls, () => (calls = 0)),
    writes: () => taken(writes, () => (writes = 0)),
    async atomicUpdate(key, update, options) {
      calls++;
      if (store.fails) throw new Error("the database is down");
      return model.atomicUpdate(
        key,
        (state, nowMs) => {
          const next = update(state as never, nowMs);
          if (next !== undefined) writes++;
          return next;
        },
        options,
      );
    },
    delete: (key) => model.delete(key),
    close: () => model.close(),
  };
  return store;
}

function taken(count: number, reset: () => void): number {
  reset();
  return count;
}
