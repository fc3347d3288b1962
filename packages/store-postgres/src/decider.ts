import {
  type Admission,
  type CallOptions,
  createBatcher,
  groupsByTime,
  type Outcome,
  SluiceError,
} from "@sluice/core/store";
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

/** What a batch resolves a call to, unless it failed. */
type Answer = Outcome | typeof HELD | typeof RECONNECTED;

/** The server can't write what the call needs. Nothing was written, and the next connection may reach another server. */
const RECONNECTED: unique symbol = Symbol("reconnected");

/** The same before it is known whether there will be another connection. */
const READ_ONLY: unique symbol = Symbol("read-only");

type Found = Outcome | SluiceError | typeof HELD | typeof READ_ONLY;

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
    answers: Map<Call, Found>,
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

  const run = (waits: boolean) => (calls: readonly Call[], deadlineMs: number) =>
    database.connected(async (connection): Promise<(Answer | SluiceError)[]> => {
      const answers = new Map<Call, Found>();
      for (const group of groupsByTime(calls)) await decideOn(connection, group, answers, waits);
      const isReadOnly = calls.some((call) => answers.get(call) === READ_ONLY);
      const refusal = isReadOnly && connection.endReadOnly() ? RECONNECTED : readOnly();
      return calls.map((call) => {
        const answer = answers.get(call) as Found;
        return answer === READ_ONLY ? refusal : answer;
      });
    }, deadlineMs);

  const waiting = createBatcher<Call, Answer>({ run: run(true), maxInFlight, worthSplitting: WORTH_SPLITTING });
  const passing = createBatcher<Call, Answer>({ run: run(false), maxInFlight: 1 });

  async function ask(call: Call): Promise<Outcome | typeof HELD> {
    // Each connection of the client may lead to the server that can't write.
    for (let tries = 0; tries <= database.connections; tries++) {
      const batcher = heldRows.concern(call.admission) ? passing : waiting;
      const sentMs = performance.now();
      const answer = await batcher.add(call, call.deadlineMs);
      if (answer !== RECONNECTED) return answer;
      const answeredMs = performance.now();
      // A new connection takes longer than an answer.
      if (answeredMs + 2 * (answeredMs - sentMs) >= call.deadlineMs) break;
    }
    throw readOnly();
  }

  return (admission, options) => {
    const { nowMs, deadlineMs = longestDeadline() } = options ?? {};
    const call: Call = { admission, nowMs, deadlineMs };
    return untilFree(() => ask(call), deadlineMs);
  };
}

function contended(): SluiceError {
  return new SluiceError("STORE_CONTENDED", `an entry changed under each of ${MAX_TRIES} tries to decide on it`);
}
