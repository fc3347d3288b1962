import { type Admission, type CallOptions, createBatcher, groupsByTime, type Outcome, SluiceError } from "@sluice/core";
import { encodeBatch, readAnswers } from "./batch.js";
import { HELD, hasNotRun, readOnly, storeFailed, wasLocked } from "./failure.js";
import { createHeldRows } from "./held-rows.js";
import { isLate, longestDeadline, tooLate } from "./late.js";
import type { Connection, Database, Statement } from "./postgres-client.js";
import { untilFree } from "./retry.js";
import { isReadOnly } from "./sql-state.js";

/** One admission to decide. */
interface Call {
  readonly admission: Admission;
  readonly nowMs: number | undefined;
  /** By `performance.now()`; it is not sent after that. */
  readonly deadlineMs: number;
}

type Answer = Outcome | SluiceError | typeof HELD | typeof READ_ONLY;

/** The server can't write. */
const READ_ONLY: unique symbol = Symbol("read-only");

/** After so many tries at which the entries changed meanwhile the store gives up. */
const MAX_TRIES = 20;

/** A statement costs the server as much as 15 decisions in it. */
const WORTH_SPLITTING = 64;

/** `decide` of the store. */
export type Decider = (admission: Admission, options: CallOptions | undefined) => Promise<Outcome>;

/**
 * Decides calls in batches: by one statement each, or with times given by tests, one for each of them. Calls on rows that
 * other transactions hold are asked again in batches that pass such rows over.
 */
export function createDecider(database: Database, statement: Statement, maxInFlight: number): Decider {
  const heldRows = createHeldRows();

  /** Sends the calls, and again those which are known not to have been decided. */
  async function decideOn(
    connection: Connection,
    calls: readonly Call[],
    answers: Map<Call, Answer>,
    mayWait: boolean,
  ): Promise<void> {
    let waits = mayWait;
    let open = calls;
    for (let tries = 0; open.length > 0; tries++) {
      for (const call of open) if (isLate(call.deadlineMs)) answers.set(call, tooLate());
      if (tries === MAX_TRIES) for (const call of open) answers.set(call, contended());
      open = open.filter((call) => !answers.has(call));
      if (open.length === 0) return;
      try {
        const admissions = open.map(({ admission }) => admission);
        const batch = encodeBatch(admissions, open[0]?.nowMs, waits);
        const read = readAnswers(await connection.run(statement, batch.values), admissions, batch);
        for (const [i, answer] of read.entries()) {
          const call = open[i] as Call;
          if (!("because" in answer)) answers.set(call, answer);
          else if (answer.because === "readOnly") answers.set(call, READ_ONLY);
          else if (answer.because === "held") {
            heldRows.add(answer.rowKey);
            answers.set(call, HELD);
          }
        }
        open = open.filter((call) => !answers.has(call));
      } catch (error) {
        if (hasNotRun(error)) continue;
        if (wasLocked(error) && waits) {
          waits = false;
          continue;
        }
        const failure = wasLocked(error) ? HELD : isReadOnly(error) ? READ_ONLY : storeFailed(error);
        for (const call of open) answers.set(call, failure);
        return;
      }
    }
  }

  async function decideAll(
    calls: readonly Call[],
    answers: Map<Call, Answer>,
    deadlineMs: number,
    waits: boolean,
  ): Promise<boolean> {
    return database.connected(async (connection) => {
      for (const group of groupsByTime(calls)) await decideOn(connection, group, answers, waits);
      return calls.some((call) => answers.get(call) === READ_ONLY) && (await connection.endReadOnly());
    }, deadlineMs);
  }

  const run = (waits: boolean) => async (calls: readonly Call[], deadlineMs: number) => {
    const answers = new Map<Call, Answer>();
    if (await decideAll(calls, answers, deadlineMs, waits)) {
      // Nothing was written for these. The next connection may reach a server that can.
      const refused = calls.filter((call) => answers.get(call) === READ_ONLY);
      const retried = new Map<Call, Answer>();
      await decideAll(refused, retried, deadlineMs, waits).catch(() => {});
      for (const [call, answer] of retried) answers.set(call, answer);
    }
    return calls.map((call) => {
      const answer = answers.get(call) as Answer;
      return answer === READ_ONLY ? readOnly() : answer;
    });
  };

  const waiting = createBatcher({ run: run(true), maxInFlight, worthSplitting: WORTH_SPLITTING });
  const passing = createBatcher({ run: run(false), maxInFlight: 1 });

  return (admission, options) => {
    const { nowMs, deadlineMs = longestDeadline() } = options ?? {};
    const call: Call = { admission, nowMs, deadlineMs };
    return untilFree(() => (heldRows.concern(admission) ? passing : waiting).add(call, deadlineMs), deadlineMs);
  };
}

function contended(): SluiceError {
  return new SluiceError("STORE_CONTENDED", `an entry changed under each of ${MAX_TRIES} tries to decide on it`);
}
