import { createAsk } from "./ask.js";
import type { AsynchronousMark } from "./asynchronous-mark.js";
import { createDeadlines } from "./deadlines.js";
import { updatingEngine } from "./updating-engine.js";

/**
 * The property `asynchronous` of a store that takes time but whose calls do not fail, such as calls to a file. For authors
 * of stores. A store whose calls can fail or take long has {@link remote} instead. Stores of `createRemoteStore` already
 * have it.
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
