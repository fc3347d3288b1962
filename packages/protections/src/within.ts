import { createDeadlines } from "@sluice/core/store";

/**
 * The result of work, within a time. Rejects with a `SluiceError` `STORE_TIMEOUT` when it takes longer. The call may still
 * take effect then.
 */
export function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return createDeadlines(timeoutMs).bound(
    work,
    (value) => value,
    (error) => Promise.reject(error),
  );
}
