import { type CompareAndSet, SluiceError, unreadableState } from "@sluice/core/store";
import type { Commands } from "./commands.js";
import { redisKeyOf } from "./keys.js";
import type { Lanes } from "./lanes.js";
import type { MovingSlots } from "./moving-slots.js";
import type { Singly } from "./places.js";
import { arrayReply, integerReply, malformedReply, textReply } from "./replies.js";
import { runScript } from "./run-script.js";
import { compareAndSet } from "./scripts.generated.js";
import type { Slots } from "./slots.js";

/** Compares and sets by the text of the value. */
export function createCompareAndSet(
  commands: Commands,
  lanes: Lanes,
  slots: Slots,
  moving: MovingSlots,
  singly: Singly,
  prefix: string,
): CompareAndSet {
  return (entryKey, write, options) => {
    const { redisKey, tag } = redisKeyOf(prefix, entryKey);
    const nowArgument = options?.nowMs === undefined ? "" : String(options.nowMs);
    const args = write === undefined ? ["", "", "0"] : [write.over, write.text, String(write.ttlMs)];
    const send = () =>
      lanes.use(slots.reachOf(tag), (lane) =>
        runScript(commands, compareAndSet, [lane.key, redisKey], [lane.number, nowArgument, ...args]),
      );
    let isAlone = false;
    const sendAlone = () => {
      isAlone = true;
      return runScript(commands, compareAndSet, [redisKey], ["0", nowArgument, ...args]);
    };
    const sendAny = () => moving.run(tag, () => slots.splitting(send), sendAlone);
    return singly(tag, sendAny, options?.deadlineMs).then((value) => {
      const reply = arrayReply(value);
      if (reply.length !== 3) throw malformedReply(`${reply.length} values instead of 3`);
      const [written, nowMs, before] = reply;
      const text = before === null ? undefined : textReply(before);
      // Without a lane nothing tells this write, sent again by the client, from the same write of another process.
      if (isAlone && write !== undefined && integerReply(written) === 0 && text === write.text) throw unknownWrite();
      return {
        written: integerReply(written) === 1,
        nowMs: integerReply(nowMs),
        state: text === undefined ? undefined : parse(text),
        version: text ?? "",
      };
    });
  };
}

function unknownWrite(): SluiceError {
  return new SluiceError("STORE_FAILED", "an entry was written while its slot moved, once, by this call or by another");
}

function parse(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}
