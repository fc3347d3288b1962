import type { SluiceError } from "@sluice/core/store";
import type { Connection } from "./connection.js";
import { isCrossSlot } from "./failures.js";

/** Knows which keys one script can reach: all of a server, or those of one hash slot of a cluster. */
export interface Slots {
  /** Whether a script reaches one slot only. */
  readonly split: boolean;
  /** The hash tag of the lane of a script that has keys with `tag`: one for all unless the slots are split. */
  reachOf(tag: string): string;
  /** Names the server of a tag's keys, or a group of tags where the client does not say which it is. */
  placeOf(tag: string): string;
  /**
   * Runs `again` when a server refused a script because of keys in several slots, as a cluster behind one address does: the
   * script has not run. From then on the slots are split.
   */
  splitting<T>(run: () => Promise<T>, again?: () => Promise<T>): Promise<T>;
}

/** The tag of what lies in no particular slot, on a server without slots. */
export const ONE_SLOT = "0";

/** The number of groups of tags. */
const GROUPS = 64;

export function createSlots(connection: Connection, cluster: boolean): Slots {
  let split = cluster;
  return {
    get split() {
      return split;
    },
    reachOf: (tag) => (split ? tag : ONE_SLOT),
    placeOf(tag) {
      if (!split) return ONE_SLOT;
      const slot = slotOf(tag);
      return connection.masterOf(slot) ?? `group ${slot % GROUPS}`;
    },
    async splitting(run, again = run) {
      const wasSplit = split;
      try {
        return await run();
      } catch (error) {
        if (wasSplit || !isCrossSlot((error as SluiceError).cause)) throw error;
        split = true;
        return again();
      }
    },
  };
}

/** The hash slot of a tag: CRC-16/XMODEM modulo 16,384 (Redis Cluster specification, "Key distribution model"). */
function slotOf(tag: string): number {
  let crc = 0;
  for (let i = 0; i < tag.length; i++) {
    crc ^= tag.charCodeAt(i) << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0x3fff;
}
