import type { MaybePromise } from "../store/store.js";

/**
 * Goes on with a value: at once when it is there, so that a request on a store in memory waits for nothing. What `next`
 * needs besides may be passed on, which spares a closure for each request.
 */
export function after<T, R, A extends readonly unknown[]>(
  value: MaybePromise<T>,
  next: (value: T, ...args: A) => MaybePromise<R>,
  ...args: A
): MaybePromise<R> {
  return isPromiseLike(value) ? Promise.resolve(value).then((settled) => next(settled, ...args)) : next(value, ...args);
}

/** Promises of other libraries too: what a user's function returns must never be taken for a value when it is one. */
function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
