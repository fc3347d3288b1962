import { scopeLength } from "@sluice/core/kit";
import type { NotRun, SluiceError } from "@sluice/core/store";
import type { Connection } from "./connection.js";
import { isCrossSlot, isMovingSlot } from "./replies.js";

/**
 * The number of hash tags. All keys of one client share a tag, so that its policies can be decided together on a cluster. A
 * thousand tags spread evenly over any usual number of masters.
 */
const TAGS = 1024;

/** Replaces the scope in the keys of lanes. No scope starts with it. */
export const LANE = "#lane:";

/** The tag of keys on a server without slots, where any slot will do. */
export const ONE_SLOT = "0";

/** The hash tag of a stored key, which the user's key can't affect directly. FNV-1a over the UTF-16 code units. */
export function tagOf(storedKey: string): string {
  let hash = 0x811c9dc5;
  for (let i = scopeLength(storedKey); i < storedKey.length; i++) {
    hash = Math.imul(hash ^ storedKey.charCodeAt(i), 0x01000193);
  }
  // The low bits of FNV depend least on the early characters.
  hash ^= hash >>> 15;
  return ((hash >>> 0) % TAGS).toString(36);
}

/** The Redis key of an entry: its hash tag and its stored key. */
export function redisKey(storedKey: string): string {
  return `{${tagOf(storedKey)}}${storedKey}`;
}

/** The stored key of an entry. `undefined` for a Redis key that is not one of this store's entries. */
export function storedKeyIn(key: string): string | undefined {
  const text = /^\{[0-9a-z]+\}(.*)$/s.exec(key)?.[1];
  return text === undefined || text.startsWith(LANE) || redisKey(text) !== key ? undefined : text;
}

/** Tracks which keys one script can reach: all keys of a server, or the keys of one hash slot of a cluster. */
export interface Slots {
  /** True if a script can reach only one slot. */
  readonly split: boolean;
  /** The server of a tag's keys. If the client does not know the server, a group of tags. */
  serverOf(tag: string): string;
  /** Returns whether the slot of a tag is being moved. A script may then have only one key. */
  isMoving(tag: string): boolean;
  /**
   * Returns how to repeat a script that was rejected because of where its keys are, and so has not run. `undefined` for any
   * other failure. The rejection is remembered: a cluster behind one address has slots from then on, and a slot counts as
   * moving for a minute.
   *
   * @param tag the tag of the keys; `undefined` if the store did not know that the server has slots
   */
  refused(failure: unknown, tag: string | undefined): Exclude<NotRun, "again"> | undefined;
}

/** The number of groups of tags. */
const GROUPS = 64;

/** Some clients retry for seconds before they report that keys are on two servers, so the store rarely tries. */
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
