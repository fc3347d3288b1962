import { createAsk } from "./ask.js";
import type { AsynchronousMark } from "./asynchronous-mark.js";
import { createDeadlines } from "./deadlines.js";
import { updatingEngine } from "./updating-engine.js";

/**
 * Marks a store that takes time to answer and whose calls do not fail, as those to a file, for authors of stores: its property
 * `asynchronous`. A store whose calls can fail or take long has {@link remote} instead, and stores of `createRemoteStore` have
 * that already.
 *
 * @example
 * ```ts
 * import { asynchronous, type Store } from "@sluice/core/store";
 *
 * export function marked(store: Store): Store {
 *   return { asynchronous, ...store };
 * }
 * ```
 */
export const asynchronous: object = { createAsk, createDeadlines, updatingEngine } satisfies AsynchronousMark;
