import { type CallOptions, type Next, SluiceError, unreadableState } from "@sluice/core";
import { redisKeyOf } from "./keys.js";
import type { Lanes } from "./lanes.js";
import type { Commands } from "./redis-client.js";
import { runScript } from "./run-script.js";
import { compareAndSet } from "./scripts.generated.js";

/** After so many lost races on one key the store gives up: somebody writes it without pause. */
const MOST_TRIES = 100;

/** Reads, updates and writes an entry if nobody wrote in between, and tries again if somebody did. */
export interface Updater {
  update<S>(
    entryKey: string,
    change: (state: S | undefined, nowMs: number) => Next<S> | undefined,
    options: CallOptions | undefined,
  ): Promise<S | undefined>;
}

/** See `compare-and-set.lua`. */
type Reply = [written: number, nowMs: number, value: string | null];

export function createUpdater(commands: Commands, lanes: Lanes, prefix: string): Updater {
  /** The last update of each key that is under way here: those of one process take turns and don't race. */
  const underWay = new Map<string, Promise<unknown>>();

  async function attempt<S>(
    entryKey: string,
    change: (state: S | undefined, nowMs: number) => Next<S> | undefined,
    options: CallOptions | undefined,
    startMs: number,
  ): Promise<S | undefined> {
    const { redisKey, tag } = redisKeyOf(prefix, entryKey);
    const { timeoutMs = Number.POSITIVE_INFINITY } = options ?? {};
    const nowArgument = options?.nowMs === undefined ? "" : String(options.nowMs);
    const call = (...args: [seen: string, value: string, ttlMs: string]): Promise<Reply> => {
      if (performance.now() - startMs > timeoutMs) {
        throw new SluiceError("STORE_TIMEOUT", "an entry could not be updated in time; it was not written");
      }
      return lanes.use(tag, async (lane) => {
        const keys = [lane.key, redisKey];
        return (await runScript(commands, compareAndSet, keys, [lane.number, nowArgument, ...args])) as Reply;
      });
    };

    let [, nowMs, value] = await call("", "", "0");
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const state = value === null ? undefined : parse<S>(value);
      const next = change(state, nowMs);
      if (next === undefined) return state;
      const text = JSON.stringify(next.state);
      const [written, laterMs, current] = await call(value ?? "", text, String(Math.max(1, Math.ceil(next.ttlMs))));
      if (written === 1) return JSON.parse(text);
      nowMs = laterMs;
      value = current;
      if (tries > 2) await pause(tries);
    }
    throw new SluiceError("STORE_CONTENDED", `an entry changed under each of ${MOST_TRIES} tries to update it`);
  }

  return {
    update(entryKey, change, options) {
      const before = underWay.get(entryKey) ?? Promise.resolve();
      const startMs = performance.now();
      const result = before.catch(() => {}).then(() => attempt(entryKey, change, options, startMs));
      underWay.set(entryKey, result);
      const done = (): void => {
        if (underWay.get(entryKey) === result) underWay.delete(entryKey);
      };
      result.then(done, done);
      return result;
    },
  };
}

function parse<S>(value: string): S {
  try {
    return JSON.parse(value);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}

/** Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015), 50 ms at most. */
function pause(tries: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(50, 2 ** tries / 4)));
}
