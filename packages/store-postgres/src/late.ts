import { SluiceError } from "@sluice/core";

/** What a call that waited too long for a connection becomes: it was not sent. */
export function tooLate(): SluiceError {
  return new SluiceError("STORE_TIMEOUT", "no connection was free in time; the call was not sent");
}

export function isLate(deadlineMs: number): boolean {
  return performance.now() >= deadlineMs;
}
