import { splitEntryKey } from "@sluice/core/kit";
import type { NotRun, SluiceError } from "@sluice/core/store";
import type { Connection } from "./connection.js";
import { isCrossSlot, isMovingSlot } from "./replies.js";

/**
 * How many hash tags there are. All keys of one client share one, so that its policies can be decided together on a
 * cluster; a thousand of them spread evenly over any usual number of masters.
 */
const TAGS = 1024;

/** What the keys of lanes have instead of a scope: no scope begins so. */
export const LANE = "#lane:";

/** The tag of what lies in no particular slot, on a server without slots. */
export const ONE_SLOT = "0";

/** The hash tag of a stored key. Nothing in the user's key itself can be one. FNV-1a over its UTF-16 code units. */
export function tagOf(storedKey: string): string {
  const { key } = splitEntryKey(storedKey);
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  // The low bits of FNV depend least on the early characters.
  hash ^= hash >>> 15;
  return ((hash >>> 0) % TAGS).toString(36);
}

/** The Redis key of an entry: its hash tag and its stored key. */
export function redisKey(storedKey: string): string {
  return `{${tagOf(storedKey)}}${storedKey}`;
}

/** The stored key of an entry; `undefined` for a Redis key that is not one of this store's entries. */
export function storedKeyIn(key: string): string | undefined {
  const text = /^\{[0-9a-z]+\}(.*)$/s.exec(key)?.[1];
  return text === undefined || text.startsWith(LANE) || redisKey(text) !== key ? undefined : text;
}

/** Knows which keys one script can reach: all of a server, or those of one hash slot of a cluster. */
export interface Slots {
  /** Whether a script reaches one slot only. */
  readonly split: boolean;
  /** Names the server of a tag's keys, or a group of tags where the client does not say which it is. */
  serverOf(tag: string): string;
  /** Whether the slot of a tag moves: then a script may have one key only. */
  isMoving(tag: string): boolean;
  /**
   * What to do about a script that was refused because of where its keys lie, so that it has not run; `undefined` for any
   * other failure. The refusal is remembered: a cluster behind one address has slots from then on, and a slot moves for a
   * minute.
   *
   * @param tag that of the keys; `undefined` if the slots were not known to be split
   */
  refused(failure: unknown, tag: string | undefined): Exclude<NotRun, "again"> | undefined;
}

/** The number of groups of tags. */
const GROUPS = 64;

/** Some clients try for seconds before they report that keys lie on two servers, so it is asked seldom. */
const MOVES_FOR_MS = 60_000;

export function createSlots(connection: Connection, cluster: boolean): Slots {
  let split = cluster;
  const movesUntilMs = new Map<string, number>();
  return {
    get split() {
      return split;
    },

    serverOf(tag) {
      const slot = slotOf(tag);
      return connection.masterOf(slot) ?? `group ${slot % GROUPS}`;
    },

    isMoving(tag) {
      const untilMs = movesUntilMs.get(tag);
      if (untilMs === undefined) return false;
      if (untilMs > performance.now()) return true;
      movesUntilMs.delete(tag);
      return false;
    },

    refused(failure, tag) {
      const { cause } = failure as SluiceError;
      if (tag === undefined) {
        if (!isCrossSlot(cause)) return undefined;
        split = true;
        return "moved";
      }
      if (!isMovingSlot(cause)) return undefined;
      movesUntilMs.set(tag, performance.now() + MOVES_FOR_MS);
      return "apart";
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
