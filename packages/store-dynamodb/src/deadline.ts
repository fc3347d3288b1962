import { SluiceError } from "@sluice/core";

/** Something that is wanted until a time of `performance.now()`. */
interface Wanted {
  readonly deadlineMs: number;
}

export function isInTime({ deadlineMs }: Wanted): boolean {
  return deadlineMs > performance.now();
}

/** The time after which none of them is wanted any more. */
export function latestOf(calls: readonly Wanted[]): number {
  return Math.max(...calls.map(({ deadlineMs }) => deadlineMs));
}

export function timedOut(): SluiceError {
  return new SluiceError("STORE_TIMEOUT", "the store was too busy: the call's time was up before it was sent");
}
