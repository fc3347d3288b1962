/** A value now, or a promise of it: a store in memory answers at once. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * Returns whether a value is the promise. Checks for `then`: a promise of another realm or library is not an
 * `instanceof Promise`.
 */
export function isPromise<T extends object>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>>).then === "function";
}

/**
 * Continues with a value: at once if it is there, so that a request on a store in memory waits for nothing. Up to three
 * more arguments for `next` may be passed on, which saves a closure for each request.
 */
export function after<T, R, A extends readonly [] | readonly [unknown, unknown?, unknown?]>(
  value: MaybePromise<T>,
  next: (value: T, ...args: A) => MaybePromise<R>,
  ...args: A
): MaybePromise<R>;
// Neither an array of them nor, in this function, a closure: both would be made for each request.
export function after(value: unknown, next: Next, a?: unknown, b?: unknown, c?: unknown): unknown {
  return isPromiseLike(value) ? later(value, next, a, b, c) : next(value, a, b, c);
}

type Next = (value: unknown, a: unknown, b: unknown, c: unknown) => unknown;

function later(value: PromiseLike<unknown>, next: Next, a: unknown, b: unknown, c: unknown): Promise<unknown> {
  return Promise.resolve(value).then((settled) => next(settled, a, b, c));
}

/** Promises of other libraries too: a promise that a user's function returns must never be taken for a value. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
