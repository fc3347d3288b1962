import { type Seen, type SluiceError, unreadableState } from "@sluice/core/store";
import { stateOf } from "./row-value.js";

/** See `v0007_entries.sql`. */
type Reply = [written: 1] | [written: 0, nowMs: number, version?: string, value?: unknown, blockedForMs?: number];

/** Reads a reply of the function; an error if the entry can't be read. */
export function seenIn(reply: string): Seen | SluiceError {
  try {
    const [written, nowMs = 0, version = "", value, blockedForMs] = JSON.parse(reply) as Reply;
    return { written: written === 1, nowMs, state: stateOf(value, blockedForMs), version };
  } catch (error) {
    return unreadableState({ cause: error });
  }
}
