import { SluiceError } from "../errors.js";
import type { Next } from "../policy/algorithm.js";
import type { CallOptions } from "./store.js";

/** What a compare-and-set found. */
export interface Seen {
  readonly written: boolean;
  /** The store's clock, or the explicit time. */
  readonly nowMs: number;
  /** The state as it was before; `undefined` when there was none. */
  readonly state: unknown;
  /** Names what was seen; empty when there was none. */
  readonly version: string;
}

/** What a compare-and-set is to write. */
export interface Write {
  /** The {@link Seen.version} that must still be there. */
  readonly over: string;
  /** A JSON value. */
  readonly state: unknown;
  /** The same as text. */
  readonly text: string;
  /** A whole number of 1 or more. */
  readonly ttlMs: number;
}

/**
 * Writes one state if it is still the one that was seen, and says what is there if not; only looks when there is
 * nothing to write. A call that may have been sent is never sent again.
 */
export type CompareAndSet = (key: string, write: Write | undefined, options: CallOptions | undefined) => Promise<Seen>;

/** `atomicUpdate` of a store. */
export type Updater = <S>(
  key: string,
  change: (state: S | undefined, nowMs: number) => Next<S> | undefined,
  options: CallOptions | undefined,
) => Promise<S | undefined>;

/** After so many lost races on one key the updater gives up: somebody writes it without pause. */
const MOST_TRIES = 100;

/**
 * `atomicUpdate` for a store that can compare and set. Updates of one key by one process take turns. Rejects with
 * `STORE_CONTENDED` when others kept winning.
 */
export function createUpdater(compareAndSet: CompareAndSet): Updater {
  /** The last update of each key that is under way here. */
  const underWay = new Map<string, Promise<unknown>>();

  async function attempt<S>(
    key: string,
    change: (state: S | undefined, nowMs: number) => Next<S> | undefined,
    options: CallOptions | undefined,
    startMs: number,
  ): Promise<S | undefined> {
    const { timeoutMs = Number.POSITIVE_INFINITY } = options ?? {};
    const call = (write?: Write): Promise<Seen> => {
      if (performance.now() - startMs > timeoutMs) {
        throw new SluiceError("STORE_TIMEOUT", "an entry could not be updated in time; it was not written");
      }
      return compareAndSet(key, write, options);
    };

    let seen = await call();
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const state = seen.state as S | undefined;
      const next = change(state, seen.nowMs);
      if (next === undefined) return state;
      const text = JSON.stringify(next.state);
      seen = await call({
        over: seen.version,
        state: next.state,
        text,
        ttlMs: Math.max(1, Math.ceil(next.ttlMs)),
      });
      if (seen.written) return JSON.parse(text);
      if (tries > 2) {
        await pause(tries);
        // What was seen before the pause is old by now.
        seen = await call();
      }
    }
    throw new SluiceError("STORE_CONTENDED", `an entry changed under each of ${MOST_TRIES} tries to update it`);
  }

  return (key, change, options) => {
    const before = underWay.get(key) ?? Promise.resolve();
    const startMs = performance.now();
    const result = before.catch(() => {}).then(() => attempt(key, change, options, startMs));
    underWay.set(key, result);
    const done = (): void => {
      if (underWay.get(key) === result) underWay.delete(key);
    };
    result.then(done, done);
    return result;
  };
}

/** Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015), 50 ms at most. */
function pause(tries: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(50, 2 ** tries / 4)));
}
