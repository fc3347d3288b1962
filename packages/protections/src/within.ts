import { SluiceError } from "@sluice/core";

/**
 * The result of work on a store, within a time. Rejects with a `SluiceError` whatever the work rejects with:
 * `STORE_TIMEOUT` when it takes longer, in which case what was asked may still take place.
 */
export function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new SluiceError("STORE_TIMEOUT", `the store did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    work
      .then(resolve, (error: unknown) => {
        reject(
          error instanceof SluiceError ? error : new SluiceError("STORE_FAILED", "the store failed", { cause: error }),
        );
      })
      .finally(() => clearTimeout(timer));
  });
}
