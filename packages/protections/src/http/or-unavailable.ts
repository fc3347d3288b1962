import { type MaybePromise, SluiceError } from "@sluice/core";
import { after } from "@sluice/core/http";

/**
 * Goes on with what a protection says, or with something else while its store fails. Mistakes of the app, such as an empty
 * key, stay errors.
 */
export function orUnavailable<T, R>(
  ask: () => MaybePromise<T>,
  next: (said: T) => MaybePromise<R>,
  otherwise: () => MaybePromise<R>,
): MaybePromise<R> {
  const failed = (error: unknown): MaybePromise<R> => {
    if (error instanceof SluiceError && error.code.startsWith("STORE_")) return otherwise();
    throw error;
  };
  let said: MaybePromise<T>;
  try {
    said = ask();
  } catch (error) {
    return failed(error);
  }
  return said instanceof Promise ? said.then(next, failed) : after(said, next);
}
