import { type Batcher, createBatcher, groupsByTime, type Seen, type SluiceError } from "@sluice/core/store";
import { hasNotRun, storeFailed } from "./failure.js";
import { textArray } from "./keys.js";
import { isLate, tooLate } from "./late.js";
import type { Connection, Database, Statement } from "./postgres-client.js";
import { parseReply, unreadableReply } from "./reply.js";
import { seenIn } from "./seen.js";

/** One entry to look at. */
export interface Look {
  readonly rowKey: string;
  readonly nowMs: number | undefined;
  /** By `performance.now()`; it is not sent after that. */
  readonly deadlineMs: number;
}

/** Looks at entries: those asked for at the same time by one statement, as decisions are made. */
export function createLooker(database: Database, statement: Statement, maxInFlight: number): Batcher<Look, Seen> {
  async function look(connection: Connection, looks: readonly Look[]): Promise<readonly (Seen | SluiceError)[]> {
    for (;;) {
      const open = looks.filter(({ deadlineMs }) => !isLate(deadlineMs));
      if (open.length === 0) return looks.map(tooLate);
      const [{ nowMs }] = open as [Look];
      try {
        const values = [nowMs === undefined ? null : String(nowMs), textArray(open.map(({ rowKey }) => rowKey))];
        const replies = repliesIn(await connection.run(statement, values), open.length);
        const seen = new Map(open.map((one, i) => [one, seenIn(replies[i] as string)]));
        return looks.map((one) => seen.get(one) ?? tooLate());
      } catch (error) {
        if (!hasNotRun(error)) return looks.map(() => storeFailed(error));
      }
    }
  }

  return createBatcher({
    maxInFlight,
    run: (looks, deadlineMs) =>
      database.connected(async (connection) => {
        const answers: (Seen | SluiceError)[] = [];
        for (const group of groupsByTime(looks)) answers.push(...(await look(connection, group)));
        return answers;
      }, deadlineMs),
  });
}

function repliesIn(reply: string, count: number): readonly string[] {
  const replies = parseReply(reply);
  if (!Array.isArray(replies) || replies.length !== count) throw unreadableReply(reply);
  return replies;
}
