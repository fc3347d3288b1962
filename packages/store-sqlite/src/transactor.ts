import { createBatcher } from "@sluice/core";
import { isWorthWaiting, storeFailed, tooLate } from "./failure.js";
import { nextTurn, pause } from "./pause.js";
import type { Session } from "./session.js";
import { type Answer, type Answers, type Call, transact } from "./transaction.js";
import type { View } from "./view.js";

/** Makes calls, those of the same turn of the event loop in one transaction. */
export interface Transactor {
  /**
   * Resolves to what the call returned, once all that it changed is written. Rejects with what it threw; with
   * `STORE_TIMEOUT`, having changed nothing, when the lock was not to be had by `deadlineMs` (default: in 10 s); and with
   * `STORE_FAILED` and `STORE_NOT_READY`.
   */
  make<R>(call: (view: View) => R, deadlineMs?: number): Promise<R>;
}

interface Waiting {
  readonly call: Call;
  /** By `performance.now()`. */
  readonly deadlineMs: number;
}

interface Delayed extends Waiting {
  settle(answer: Answer): void;
}

/** For calls that come without a time. */
const LONGEST_WAIT_MS = 10_000;

/** A transaction of so many decisions takes a few milliseconds, in which this process does nothing else. */
const MOST_CALLS = 256;

/** @param open opens the session: when it is first needed, and again after a failure */
export function createTransactor(open: () => Session): Transactor {
  let session: Session | undefined;
  /** Calls that wait for the lock. */
  let delayed: Delayed[] = [];
  let retrying = false;

  function attempt(calls: readonly Waiting[], kind: "look" | "try" | "lock"): Answers {
    try {
      session ??= open();
    } catch (reason) {
      const failed = isWorthWaiting(reason) ? undefined : { error: storeFailed(reason) };
      return { answers: calls.map(() => failed), reason };
    }
    const answers = transact(
      session,
      calls.map(({ call }) => call),
      kind,
    );
    // The table may be another one by now, or gone.
    if (answers.reason !== undefined && !isWorthWaiting(answers.reason)) session = undefined;
    return answers;
  }

  /** Those whom others keep waiting go first: while there are any, nobody else tries. */
  async function run(calls: readonly Waiting[]): Promise<readonly { readonly answer: Answer | Promise<Answer> }[]> {
    const { answers } = attempt(calls, delayed.length === 0 ? "try" : "look");
    const all = calls.map((call, i) => ({ answer: answers[i] ?? delay(call) }));
    // What comes until then makes one batch, and others have their turn.
    const turn = nextTurn();
    tidyUp();
    await turn;
    return all;
  }

  /** Once those who were answered have heard of it. */
  function tidyUp(): void {
    if (session !== undefined) setImmediate(session.checkpointIfDue);
  }

  function delay(waiting: Waiting): Promise<Answer> {
    const answer = new Promise<Answer>((settle) => delayed.push({ ...waiting, settle }));
    if (!retrying) void retry();
    return answer;
  }

  async function retry(): Promise<void> {
    retrying = true;
    let reason: unknown;
    for (let tries = 0; delayed.length > 0; tries++) {
      await pause(tries);
      dropLate(reason);
      const calls = delayed.slice(0, MOST_CALLS);
      const result = attempt(calls, "lock");
      reason = result.reason;
      const left = calls.filter((call, i) => {
        const answer = result.answers[i];
        if (answer !== undefined) call.settle(answer);
        return answer === undefined;
      });
      delayed = [...left, ...delayed.slice(MOST_CALLS)];
      tidyUp();
      if (left.length === 0) tries = -1;
    }
    retrying = false;
  }

  function dropLate(reason: unknown): void {
    const nowMs = performance.now();
    delayed = delayed.filter(({ deadlineMs, settle }) => {
      if (deadlineMs > nowMs) return true;
      settle({ error: tooLate(reason) });
      return false;
    });
  }

  const batcher = createBatcher<Waiting, { readonly answer: Answer | Promise<Answer> }>({
    run,
    maxSize: MOST_CALLS,
    maxInFlight: 1,
  });

  return {
    async make<R>(call: (view: View) => R, deadlineMs = performance.now() + LONGEST_WAIT_MS): Promise<R> {
      const answer = await (await batcher.add({ call, deadlineMs }, deadlineMs)).answer;
      if ("error" in answer) throw answer.error;
      return answer.value as R;
    },
  };
}
