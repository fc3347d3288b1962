import { createBatcher } from "@sluice/core/store";
import { HELD, hasNotRun, wasLocked } from "./failure.js";
import { isLate, longestDeadline, tooLate } from "./late.js";
import type { Database, Statement } from "./postgres-client.js";
import { untilFree } from "./retry.js";

/** Sends one statement, and again if it is known not to have run. */
export type Caller = (values: readonly (string | null)[], deadlineMs: number | undefined) => Promise<string>;

/** For calls that can't share a statement. They share a place in line, so that an outage leaves no queue behind. */
export function createCaller(database: Database, statement: Statement, maxInFlight: number): Caller {
  async function send(values: readonly (string | null)[], deadlineMs: number): Promise<string | typeof HELD> {
    return database.connected(async (connection) => {
      for (;;) {
        if (isLate(deadlineMs)) throw tooLate();
        try {
          return await connection.run(statement, values);
        } catch (error) {
          if (wasLocked(error)) return HELD;
          if (!hasNotRun(error)) throw error;
        }
      }
    }, deadlineMs);
  }

  const batcher = createBatcher<readonly (string | null)[], string | typeof HELD>({
    maxSize: 1,
    maxInFlight,
    async run([values = []], deadlineMs) {
      return [await send(values, deadlineMs)];
    },
  });

  return (values, deadlineMs = longestDeadline()) => untilFree(() => batcher.add(values, deadlineMs), deadlineMs);
}
