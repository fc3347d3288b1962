import { type CompareAndSet, unreadableState } from "@sluice/core";
import { redisKeyOf } from "./keys.js";
import type { Lanes } from "./lanes.js";
import type { Commands } from "./redis-client.js";
import { runScript } from "./run-script.js";
import { compareAndSet } from "./scripts.generated.js";

/** See `compare-and-set.lua`. */
type Reply = [written: number, nowMs: number, value: string | null];

/** Compares and sets by the text of the value. */
export function createCompareAndSet(commands: Commands, lanes: Lanes, prefix: string): CompareAndSet {
  return (entryKey, write, options) => {
    const { redisKey, tag } = redisKeyOf(prefix, entryKey);
    const nowArgument = options?.nowMs === undefined ? "" : String(options.nowMs);
    const args = write === undefined ? ["", "", "0"] : [write.over, write.text, String(write.ttlMs)];
    return lanes.use(tag, async (lane) => {
      const keys = [lane.key, redisKey];
      const reply = await runScript(commands, compareAndSet, keys, [lane.number, nowArgument, ...args]);
      const [written, nowMs, value] = reply as Reply;
      return { written: written === 1, nowMs, state: value === null ? undefined : parse(value), version: value ?? "" };
    });
  };
}

function parse(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}
