import { createBatcher } from "@sluice/core/kit";
import type { SqliteClient } from "./client.js";
import type { Connection } from "./connection.js";
import { isWorthWaiting, storeFailed, tooLate } from "./failure.js";
import type { Session } from "./session.js";
import { type Answer, type Answers, type Call, type TransactionKind, transact, type View } from "./transaction.js";
import { nextTurn, pause } from "./turns.js";

/** Runs calls. Calls of the same turn of the event loop share one transaction. */
export interface Transactor {
  /**
   * Resolves to the result of the call after all its changes are written. Rejects with the error that the call threw, or
   * with `STORE_FAILED` or `STORE_NOT_READY`. Rejects with `STORE_TIMEOUT`, without a change, if the lock was not free by
   * `deadlineMs` (default: in 10 s).
   */
  make<R>(call: (view: View) => R, deadlineMs?: number): Promise<R>;
}

interface Waiting {
  readonly call: Call;
  /** A time of `performance.now()`. */
  readonly deadlineMs: number;
}

interface Delayed extends Waiting {
  settle(answer: Answer): void;
}

/** The longest wait of calls without a deadline. */
const LONGEST_WAIT_MS = 10_000;

/** A transaction of this many decisions takes a few milliseconds, during which this process does nothing else. */
const MOST_CALLS = 256;

/**
 * After this many failures in a row, the remaining calls of a batch will fail too, for example because the disk is full or
 * the file is read-only.
 */
const MOST_FAILURES = 3;

/** @param open opens a session on a client: when one is first needed, and again after a failure */
export function createTransactor(connection: Connection, open: (client: SqliteClient) => Session): Transactor {
  let session: Session | undefined;
  let sessionClient: SqliteClient | undefined;
  /** Calls that wait for the lock. */
  let delayed: Delayed[] = [];
  let retrying = false;

  function attemptTogether(calls: readonly Waiting[], kind: TransactionKind): Answers {
    try {
      const client = connection.client();
      if (client !== sessionClient) session = undefined;
      if (session === undefined) {
        session = open(client);
        sessionClient = client;
        connection.opened();
      }
    } catch (reason) {
      if (connection.replaceAfter(reason)) return attemptTogether(calls, kind);
      return { answers: calls.map(() => undefined), reason };
    }
    const answers = transact(
      session,
      calls.map(({ call }) => call),
      kind,
    );
    if (answers.reason === undefined && session.checkpoint.isUrgent()) session.checkpoint.make();
    if (answers.reason !== undefined && !isWorthWaiting(answers.reason)) {
      // The table may have been replaced or deleted.
      session = undefined;
      if (connection.replaceAfter(answers.reason)) return attemptTogether(calls, kind);
    }
    return answers;
  }

  /** Runs calls so that a failed write fails only its own call, if the others can be written. */
  function attempt(calls: readonly Waiting[], kind: TransactionKind): Answers {
    const together = attemptTogether(calls, kind);
    if (together.reason === undefined || isWorthWaiting(together.reason)) return together;
    const answers = [...together.answers];
    let { reason } = together;
    let failures = answers.filter((answer) => answer === undefined).length === 1 ? MOST_FAILURES : 0;
    let waitsFor: unknown;
    for (const [i, call] of calls.entries()) {
      if (answers[i] !== undefined) continue;
      if (failures < MOST_FAILURES) {
        const alone = attemptTogether([call], kind);
        answers[i] = alone.answers[0];
        if (alone.reason === undefined || isWorthWaiting(alone.reason)) {
          failures = 0;
          waitsFor ??= alone.reason;
          continue;
        }
        reason = alone.reason;
        failures++;
      }
      answers[i] ??= { error: storeFailed(reason) };
    }
    return { answers, reason: waitsFor };
  }

  /** Calls that wait for the lock go first: while there are any, no other call tries. */
  async function run(calls: readonly Waiting[]): Promise<readonly (Answer | Promise<Answer>)[]> {
    const { answers } = attempt(calls, delayed.length === 0 ? "try" : "look");
    const all = calls.map((call, i) => answers[i] ?? delay(call));
    // Calls that arrive before the next turn join the batch, and other work of the process runs.
    await nextTurn();
    tidyUp();
    return all;
  }

  /** Runs after the callers that were answered have continued. */
  function tidyUp(): void {
    if (session?.checkpoint.isDue()) void nextTurn().then(() => session?.checkpoint.make());
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

  const batcher = createBatcher<Waiting, Answer>({
    run,
    maxSize: MOST_CALLS,
    maxInFlight: 1,
  });

  return {
    async make<R>(call: (view: View) => R, deadlineMs = performance.now() + LONGEST_WAIT_MS): Promise<R> {
      const answer = await batcher.add({ call, deadlineMs }, deadlineMs);
      if ("error" in answer) throw answer.error;
      return answer.value as R;
    },
  };
}
