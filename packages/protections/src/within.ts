import { SluiceError } from "@sluice/core";

/**
 * The result of work, within a time. Rejects with a `SluiceError` `STORE_TIMEOUT` when it takes longer: what was asked may
 * still take place.
 */
export function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new SluiceError("STORE_TIMEOUT", `the store did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
