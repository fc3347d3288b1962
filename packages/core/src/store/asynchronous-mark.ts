import type { Answers, Ask, Asking } from "./ask.js";
import type { Deadlines } from "./deadlines.js";
import type { Engine } from "./engine.js";
import { markIn, type Store } from "./store.js";

/**
 * The mark of a store that takes time to answer. It brings the code with which a limiter waits and decides by atomic updates, so
 * that bundles with only a store in memory do not have it.
 */
export interface AsynchronousMark {
  readonly createAsk: <Key, Decision>(asking: Asking, answers: Answers<Key, Decision>) => Ask<Key, Decision>;
  readonly createDeadlines: (
    timeoutMs: number,
    connectionError?: () => unknown,
    start?: (deadlineMs: number, passed: () => void) => () => void,
  ) => Deadlines;
  /** The engine of limiters with algorithms that the store can't decide. */
  readonly updatingEngine: (store: Store) => Engine;
}

/** The mark of a store; `undefined` for one that answers at once. */
export function markOf(store: Store): AsynchronousMark | undefined {
  return markIn(store) as AsynchronousMark | undefined;
}
