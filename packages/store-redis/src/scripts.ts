import { randomUUID } from "node:crypto";
import {
  type Batch,
  type BatchReply,
  type CompareAndSet,
  type NotRun,
  type PageWriter,
  SluiceError,
  type StoredEntry,
  unreadableState,
} from "@sluice/core/store";
import type { Commands } from "./client.js";
import type { Connection } from "./connection.js";
import { LANE, ONE_SLOT, redisKey, type Slots, storedKeyIn, tagOf } from "./keys.js";
import {
  arrayReply,
  integerReply,
  integersReply,
  isCrossSlot,
  isReadOnlyFailure,
  isServerError,
  isUnknownScript,
  malformedReply,
  storeFailed,
  textReply,
} from "./replies.js";
import { compareAndSet, decide, exportEntries, importEntries, type Script } from "./scripts.generated.js";

/** The scripts of the store, as functions. They reject with a `SluiceError`. */
export interface Scripts {
  decide(batch: Batch): Promise<BatchReply<never> | { readonly all: SluiceError | NotRun }>;
  compareAndSet: CompareAndSet;
  /** Lists all entries of the store, server by server. */
  pages(): AsyncGenerator<readonly StoredEntry[]>;
  writePage: PageWriter["write"];
}

/** A verdict of `decide.lua`: the server refused to write the charge. */
const REFUSED = -2;

/** The script that lists entries examines about this many keys, which takes the server a millisecond or two. */
const LISTED = 500;

export function createScripts(connection: Connection, slots: Slots): Scripts {
  const onLane = createLanes();

  /** Runs a script with several keys of one slot. */
  function run(script: Script, tag: string | undefined, keys: readonly string[], args: readonly string[]) {
    const redisKeys = keys.map(redisKey);
    return onLane(tag ?? ONE_SLOT, (lane) =>
      runScript(connection, script, [lane.key, ...redisKeys], [lane.number, ...args]),
    );
  }

  /** Runs the script that compares and sets. While the slot is being moved, the script has only one key and no lane. */
  async function compare(
    key: string,
    args: readonly string[],
  ): Promise<{ readonly reply: unknown; readonly isAlone: boolean }> {
    const tag = tagOf(key);
    for (;;) {
      const known = slots.split ? tag : undefined;
      if (slots.isMoving(tag)) {
        return {
          reply: await runScript(connection, compareAndSet, [redisKey(key)], ["0", ...args]),
          isAlone: true,
        };
      }
      try {
        return { reply: await run(compareAndSet, known, [key], args), isAlone: false };
      } catch (error) {
        if (slots.refused(error, known) === undefined) throw error;
      }
    }
  }

  return {
    async decide({ keys, policies, numbers, nowMs, place }) {
      if (place !== undefined && slots.isMoving(place)) return { all: "apart" };
      const json = JSON.stringify([policies.map((policy) => [policy.algorithm, ...policy.numbers]), numbers]);
      let reply: unknown;
      try {
        reply = await run(decide, place, keys, [String(nowMs ?? ""), json]);
      } catch (error) {
        const refused = slots.refused(error, place);
        if (refused === undefined && !isServerError((error as SluiceError).cause)) throw error;
        return { all: refused ?? (error as SluiceError) };
      }
      const { numbers: found, refusal } = partsOfReply(arrayReply(reply));
      if (refusal === undefined) return { numbers: found };
      const failure = storeFailed(new Error(refusal));
      if (isReadOnlyFailure(failure)) connection.isReadOnly();
      return {
        numbers: found,
        otherwise: (verdict) => (verdict === REFUSED ? failure : malformedReply(`the verdict ${verdict}`)),
      };
    },

    async compareAndSet(key, write, options) {
      const args = write === undefined ? ["", "", "0"] : [write.over, write.text, String(write.ttlMs)];
      const { reply, isAlone } = await compare(key, [String(options?.nowMs ?? ""), ...args]);
      const values = arrayReply(reply);
      if (values.length !== 3) throw malformedReply(`${values.length} values instead of 3`);
      const [written, nowMs, before] = values;
      const text = before === null ? undefined : textReply(before);
      // Without a lane, a write that the client repeats looks like a write of another process.
      if (isAlone && write !== undefined && integerReply(written) === 0 && text === write.text) throw unknownWrite();
      return {
        written: integerReply(written) === 1,
        nowMs: integerReply(nowMs),
        state: text === undefined ? undefined : parse(text),
        version: text ?? "",
      };
    },

    async *pages() {
      const keyPrefix = await keyPrefixOf(connection);
      const pattern = `${keyPrefix.replace(/[\\*?[\]^]/g, "\\$&")}{*}*`;
      for (const master of await connection.masters()) {
        let cursor = "0";
        do {
          // See `export-entries.lua`.
          const page = arrayReply(await runScript(master, exportEntries, [], [cursor, pattern, String(LISTED)]));
          if (page.length % 3 !== 1) throw malformedReply(`${page.length} values instead of 1 plus a multiple of 3`);
          cursor = cursorOf(page[0]);
          const entries: StoredEntry[] = [];
          for (let i = 1; i < page.length; i += 3) {
            const key = storedKeyIn(textReply(page[i]).slice(keyPrefix.length));
            if (key === undefined) continue;
            if (page[i + 1] === null) throw unreadableState();
            entries.push({ key, state: parse(textReply(page[i + 1])), expiresAtMs: integerReply(page[i + 2]) });
          }
          yield entries;
        } while (cursor !== "0");
      }
    },

    async writePage(page, place) {
      const values = page.flatMap(({ state, expiresAtMs }) => [JSON.stringify(state), String(expiresAtMs)]);
      const keys = page.map(({ key }) => key);
      let reply: unknown;
      try {
        reply = await run(importEntries, place, keys, values);
      } catch (error) {
        if (place !== undefined || slots.refused(error, place) === undefined) throw error;
        return "moved";
      }
      const left = integersReply(reply);
      const wrong = left.find((i) => page[i] === undefined);
      if (wrong !== undefined) throw malformedReply(`${wrong} for one of ${page.length} entries`);
      return left;
    },
  };
}

/** Lets `once.lua` recognise a script that a client library sends twice. */
interface Lane {
  /** The key that holds the number of the last script of the lane that wrote. */
  readonly key: string;
  readonly number: string;
}

/** Returns a function that sends a script on a free lane in the slot of a tag. A lane carries only one script at a time. */
function createLanes(): <T>(tag: string, send: (lane: Lane) => Promise<T>) => Promise<T> {
  const caller = randomUUID();
  const free: number[] = [];
  let lanes = 0;
  let scripts = 0;
  return async (tag, send) => {
    const lane = free.pop() ?? lanes++;
    scripts++;
    try {
      return await send({ key: `{${tag}}${LANE}${caller}:${lane}`, number: String(scripts) });
    } finally {
      free.push(lane);
    }
  };
}

/**
 * Runs a script by its digest. If the server does not know it, and so has certainly not run it, sends its text. Nothing
 * else is ever sent again.
 */
async function runScript(
  commands: Commands,
  script: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  try {
    return await commands.evalsha(script.sha1, keys, args);
  } catch (error) {
    if (!isUnknownScript((error as SluiceError).cause)) throw error;
  }
  return commands.eval(script.text, keys, args);
}

/** The numbers of a reply of `decide.lua`, and the server's error if it refused to write. */
function partsOfReply(reply: readonly unknown[]): {
  readonly numbers: readonly number[];
  readonly refusal: string | undefined;
} {
  const last = reply.at(-1);
  const text = typeof last === "string" || last instanceof Uint8Array ? textReply(last) : "0";
  // Some clients return numbers as text.
  if (/^-?\d+$/.test(text)) return { numbers: integersReply(reply), refusal: undefined };
  return { numbers: integersReply(reply.slice(0, -1)), refusal: text };
}

/**
 * The prefix that the client adds to every key, for example with the option `keyPrefix` of ioredis and redis 6.
 *
 * @throws SluiceError `NOT_LISTABLE` on a cluster if the client does not know the servers, because a script without keys
 * reaches only one of them
 */
async function keyPrefixOf(commands: Commands): Promise<string> {
  const keys = commands.cluster ? [PROBE] : [PROBE, "{1}"];
  try {
    return textReply(await commands.eval("return KEYS[1]", keys, [])).slice(0, -PROBE.length);
  } catch (error) {
    if (!isCrossSlot((error as SluiceError).cause)) throw error;
    throw new SluiceError(
      "NOT_LISTABLE",
      "the entries of a Redis Cluster can only be listed through a cluster client of ioredis or redis: pass such a client",
      { cause: error },
    );
  }
}

const PROBE = "{0}";

/** A cursor may be too large for a number. */
function cursorOf(value: unknown): string {
  return typeof value === "number" || typeof value === "bigint" ? String(value) : textReply(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}

function unknownWrite(): SluiceError {
  return new SluiceError(
    "STORE_FAILED",
    "an entry was written exactly once while its slot moved, either by this call or by another one",
  );
}
