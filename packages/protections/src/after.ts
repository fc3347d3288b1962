import type { MaybePromise } from "@sluice/core";

/** Goes on with a value: at once when it is there, so that what is answered from memory waits for nothing. */
export function after<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromiseLike(value) ? Promise.resolve(value).then(next) : next(value);
}

/** Promises of other libraries too: what a user's function returns must never be taken for a value when it is one. */
function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
