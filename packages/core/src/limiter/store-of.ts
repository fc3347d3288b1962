import type { Store } from "../store/store.js";

const stores = new WeakMap<object, Store>();

/** Remembers on which store a limiter counts, which nobody but diagnostics needs to know. */
export function rememberStore(limiter: object, store: Store): void {
  stores.set(limiter, store);
}

/** `undefined` for a limiter that `createLimiter` did not make. */
export function storeOf(limiter: object): Store | undefined {
  return stores.get(limiter);
}
