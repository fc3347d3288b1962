import { type Seen, type SluiceError, unreadableState } from "@sluice/core";

/** See `v0003_compare_and_set.sql`. */
type Reply = [written: 1] | [written: 0, nowMs: number, version?: string, state?: unknown];

/** What a reply of the function says; an error where the entry can't be read. */
export function seenIn(reply: string): Seen | SluiceError {
  try {
    const [written, nowMs = 0, version = "", state] = JSON.parse(reply) as Reply;
    return { written: written === 1, nowMs, state, version };
  } catch (error) {
    return unreadableState({ cause: error });
  }
}
