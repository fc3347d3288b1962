import type { Answers, Ask, Asking } from "./ask.js";
import type { Deadlines } from "./deadlines.js";
import type { Engine } from "./engine.js";
import { markIn, type Store } from "./store.js";

/**
 * The mark of a store that takes time to answer. It supplies the code that limiters need to wait and to decide by atomic
 * updates, so bundles with only a memory store do not contain that code.
 */
export interface AsynchronousMark {
  readonly createAsk: <Key, Decision>(asking: Asking, answers: Answers<Key, Decision>) => Ask<Key, Decision>;
  readonly createDeadlines: (
    timeoutMs: number,
    connectionError?: () => unknown,
    start?: (deadlineMs: number, passed: () => void) => () => void,
  ) => Deadlines;
  /** Creates the engine for algorithms that the store can't decide. */
  readonly updatingEngine: (store: Store) => Engine;
}

/** The mark of a store. `undefined` for a store that answers without a promise. */
export function markOf(store: Store): AsynchronousMark | undefined {
  return markIn(store) as AsynchronousMark | undefined;
}
