import { type CallOptions, SluiceError } from "@sluice/core/store";

/** For calls without a deadline. */
const MAX_CALL_MS = 60_000;

export function deadlineOf(options: CallOptions | undefined): number {
  return options?.deadlineMs ?? performance.now() + MAX_CALL_MS;
}

/** The time after which no caller waits. */
export function latestOf(calls: readonly { readonly deadlineMs: number }[]): number {
  return calls.reduce((latestMs, { deadlineMs }) => Math.max(latestMs, deadlineMs), 0);
}

/** @param cause the last error of the connection, where it has failed */
export function timedOut(cause?: unknown): SluiceError {
  const why = cause instanceof Error ? `: ${cause.message || cause.name}` : "";
  return new SluiceError(
    "STORE_TIMEOUT",
    `DynamoDB is too slow or too busy to answer in time; the call was not sent${why}`,
    { cause },
  );
}
