import { type Admission, groupsByTime, type Outcome, SluiceError } from "@sluice/core";
import { encodeBatch, readAnswers } from "./batch.js";
import { hasNotRun, storeFailed } from "./failure.js";
import { isLate, tooLate } from "./late.js";
import type { Connection, Database, Statement } from "./postgres-client.js";

/** One admission to decide. */
export interface Call {
  readonly admission: Admission;
  readonly nowMs: number | undefined;
  /** By `performance.now()`; it is not sent after that. */
  readonly deadlineMs: number;
}

export type Answer = Outcome | SluiceError;

/** After so many tries at which the entries changed meanwhile the store gives up. */
const MOST_TRIES = 20;

/** What decides a batch of calls: by one statement, or with times given by tests, one for each of them. */
export function createDecider(
  database: Database,
  statement: Statement,
): (calls: readonly Call[]) => Promise<readonly Answer[]> {
  /** Sends the calls, and again those which are known not to have been decided. */
  async function decide(connection: Connection, calls: readonly Call[]): Promise<readonly Answer[]> {
    const answers = new Map<Call, Answer>();
    let open = calls;
    for (let tries = 0; open.length > 0; tries++) {
      const unfit = tries === MOST_TRIES ? contended : tooLate;
      for (const call of open) if (tries === MOST_TRIES || isLate(call.deadlineMs)) answers.set(call, unfit());
      open = open.filter((call) => !answers.has(call));
      if (open.length === 0) break;
      try {
        const admissions = open.map(({ admission }) => admission);
        const reply = await connection.run(statement, encodeBatch(admissions, open[0]?.nowMs));
        const read = readAnswers(reply, admissions);
        for (const [i, answer] of read.entries()) if (answer !== undefined) answers.set(open[i] as Call, answer);
        open = open.filter((_, i) => read[i] === undefined);
      } catch (error) {
        if (hasNotRun(error)) continue;
        const failure = storeFailed(error);
        for (const call of open) answers.set(call, failure);
        break;
      }
    }
    return calls.map((call) => answers.get(call) as Answer);
  }

  return (calls) =>
    database.connected(async (connection) => {
      const answers: Answer[] = [];
      for (const group of groupsByTime(calls)) answers.push(...(await decide(connection, group)));
      return answers;
    });
}

function contended(): SluiceError {
  return new SluiceError("STORE_CONTENDED", `an entry changed under each of ${MOST_TRIES} tries to decide on it`);
}
