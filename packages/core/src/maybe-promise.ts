/** A value, or a promise of it. A memory store returns values. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * Returns whether a value is a promise. Checks for `then`, because a promise of another realm or library is not an
 * `instanceof Promise`.
 */
export function isPromise<T extends object>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>>).then === "function";
}

/**
 * Continues with a value: immediately if it is not a promise, so that a request on a memory store waits for nothing. Passes
 * up to three more arguments to `next`, which saves a closure for each request.
 */
export function after<T, R, A extends readonly [] | readonly [unknown, unknown?, unknown?]>(
  value: MaybePromise<T>,
  next: (value: T, ...args: A) => MaybePromise<R>,
  ...args: A
): MaybePromise<R>;
// Creates neither an array of the arguments nor, in this function, a closure: both would be created for each request.
export function after(value: unknown, next: Next, a?: unknown, b?: unknown, c?: unknown): unknown {
  return isPromiseLike(value) ? later(value, next, a, b, c) : next(value, a, b, c);
}

type Next = (value: unknown, a: unknown, b: unknown, c: unknown) => unknown;

function later(value: PromiseLike<unknown>, next: Next, a: unknown, b: unknown, c: unknown): Promise<unknown> {
  return Promise.resolve(value).then((settled) => next(settled, a, b, c));
}

/** Accepts promises of other libraries too: a promise that a user's function returns must never be taken for a value. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
