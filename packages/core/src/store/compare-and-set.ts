import type { Next } from "../algorithm/algorithm.js";
import { SluiceError } from "../errors.js";
import { storeTimeout } from "./deadlines.js";
import { createKeyedBatcher } from "./keyed-batcher.js";
import { backOff } from "./kit/real-time.js";
import { groupsByTime } from "./numbered-batch.js";
import type { CallOptions } from "./store.js";

/** The result of a compare-and-set. */
export interface Seen {
  readonly written: boolean;
  /** The time by the store's clock, or the explicit time. */
  readonly nowMs: number;
  /** The previous state; `undefined` if there was none. */
  readonly state: unknown;
  /** The version of the previous state. Empty if there was none. */
  readonly version: string;
}

/** The write of a compare-and-set. */
export interface Write {
  /** The {@link Seen.version} that the state must still have. */
  readonly over: string;
  /** A JSON value. */
  readonly state: unknown;
  /** `state` as text. */
  readonly text: string;
  /** A whole number of 1 or more. */
  readonly ttlMs: number;
}

/**
 * Writes one state if its version is still the one that was seen. Otherwise, and if there is nothing to write, returns the
 * current state. Never repeats a call that may have been sent.
 */
export type CompareAndSet = (key: string, write: Write | undefined, options: CallOptions | undefined) => Promise<Seen>;

/** The `atomicUpdate` method of a store. */
export type Updater = <S>(
  key: string,
  change: (state: S | undefined, nowMs: number) => Next<S> | undefined,
  options: CallOptions | undefined,
) => Promise<S | undefined>;

type Change<S> = (state: S | undefined, nowMs: number) => Next<S> | undefined;

/** One call of the updater. */
interface Call {
  readonly change: Change<unknown>;
  readonly nowMs: number | undefined;
  readonly deadlineMs: number;
  readonly probe: boolean | undefined;
}

/** An answer in an object, so that the batcher accepts errors of any class as answers. */
type Answer = { readonly value: unknown } | { readonly error: unknown };

/** The updater gives up after losing this many races on one key, because another process keeps writing it. */
const MAX_TRIES = 100;

/**
 * Creates `atomicUpdate` for a store with a compare-and-set. Updates of one key by one process run one after the other, and
 * those that wait share the next write. Rejects with `STORE_CONTENDED` if other writers won every time. Rejects with
 * `STORE_TIMEOUT`, without a write, if the deadline has passed.
 */
export function createUpdater(compareAndSet: CompareAndSet): Updater {
  async function updateTogether(key: string, calls: readonly Call[], deadlineMs: number): Promise<readonly Answer[]> {
    const answers = new Map<Call, Answer>();
    const { nowMs } = calls[0] as Call;
    const probe = calls.some((call) => call.probe);
    const ask = (write?: Write): Promise<Seen> => compareAndSet(key, write, { nowMs, deadlineMs, probe });

    /** Applies the changes of all calls whose callers still wait, one after the other. */
    function changeAll(seen: Seen): { readonly next: Next<unknown> | undefined; readonly text: string } {
      let next: Next<unknown> | undefined;
      let text = "";
      for (const call of calls) {
        try {
          if (call.deadlineMs <= performance.now()) {
            throw storeTimeout("an entry could not be updated in time; it was not written");
          }
          const state = next === undefined ? seen.state : JSON.parse(text);
          const changed = call.change(state, seen.nowMs);
          if (changed !== undefined) [next, text] = [changed, JSON.stringify(changed.state)];
          answers.set(call, { value: changed === undefined ? state : JSON.parse(text) });
        } catch (error) {
          answers.set(call, { error });
        }
      }
      return { next, text };
    }

    let seen = await ask();
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { next, text } = changeAll(seen);
      if (next === undefined) return calls.map((call) => answers.get(call) as Answer);
      const ttlMs = Math.max(1, Math.ceil(next.ttlMs));
      seen = await ask({ over: seen.version, state: next.state, text, ttlMs });
      if (seen.written) return calls.map((call) => answers.get(call) as Answer);
      if (tries > 2) {
        await backOff(tries, 1 / 4);
        // The state read before the pause is out of date.
        seen = await ask();
      }
    }
    throw new SluiceError("STORE_CONTENDED", `an entry changed during each of ${MAX_TRIES} tries to update it`);
  }

  const updates = createKeyedBatcher<Call, Answer>({
    maxInFlight: 1,
    async run(key, calls, deadlineMs) {
      const answers: Answer[] = [];
      for (const group of groupsByTime(calls)) {
        try {
          answers.push(...(await updateTogether(key, group, deadlineMs)));
        } catch (error) {
          answers.push(...group.map(() => ({ error })));
        }
      }
      return answers;
    },
  });

  return async <S>(key: string, change: Change<S>, options: CallOptions | undefined) => {
    const { nowMs, deadlineMs = Number.POSITIVE_INFINITY, probe } = options ?? {};
    const answer = await updates.add(key, { change: change as Change<unknown>, nowMs, deadlineMs, probe }, deadlineMs);
    if ("error" in answer) throw answer.error;
    return answer.value as S | undefined;
  };
}
