import { createHash } from "node:crypto";
import { type Batcher, createBatcher, groupsByTime } from "@sluice/core/kit";
import { type CompareAndSet, type Seen, SluiceError } from "@sluice/core/store";
import type { Connection, Database, Statement } from "./client.js";
import { rowValueOf, seenIn, textArray } from "./entries.js";
import {
  askAgain,
  HELD,
  hasNotRun,
  isLate,
  longestDeadline,
  parseReply,
  storeFailed,
  tooLate,
  unreadableReply,
  wasLocked,
} from "./failure.js";

/** All statements that the store sends. Each calls a function that `createSchema` created. */
export interface Statements {
  readonly decide: Statement;
  readonly compareAndSet: Statement;
  /** Looks at several entries. Returns an array of results. */
  readonly look: Statement;
  readonly forget: Statement;
  readonly sweep: Statement;
  readonly exportEntries: Statement;
  readonly importEntries: Statement;
}

/**
 * The statements for the table that `rename` inserts. Arguments are sent as text, whatever types a client would convert
 * them to.
 */
export function statementsFor(rename: (sql: string) => string): Statements {
  const named = (sql: string): Statement => {
    const text = rename(sql);
    return { name: `sluice_${createHash("sha256").update(text).digest("hex").slice(0, 16)}`, text };
  };
  const call = (name: string, ...types: string[]): Statement => {
    const values = types.map((type, i) => `$${i + 1}::text::${type}`);
    return named(`SELECT "sluice"."entries_${name}"(${values.join(", ")})::text`);
  };
  const numbers = "double precision[]";
  return {
    decide: call("decide_2", "double precision", "text[]", "integer[]", numbers, numbers, "boolean"),
    compareAndSet: call(
      "compare_and_set_2",
      "bigint",
      "text",
      "text",
      "bigint",
      "bigint",
      "bigint[]",
      "text",
      "bigint",
    ),
    look: call("look_2", "bigint", "text[]"),
    forget: call("forget_2", "text"),
    sweep: call("sweep_1", "bigint", "bigint", "bigint"),
    exportEntries: call("export_2", "text", "bigint"),
    importEntries: call("import_2", "json"),
  };
}

/** Sends a statement. Repeats it only if it is known not to have run. */
export type Caller = (values: readonly (string | null)[], deadlineMs: number | undefined) => Promise<string>;

/** Runs calls that can't share a statement. Limits how many are in flight, so that an outage leaves no queue behind. */
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

  return (values, deadlineMs = longestDeadline()) =>
    askAgain(() => batcher.add(values, deadlineMs), deadlineMs, database.connections);
}

/** One entry to look at. */
interface Look {
  readonly rowKey: string;
  readonly nowMs: number | undefined;
  /** A time of `performance.now()` after which the request is not sent. */
  readonly deadlineMs: number;
}

/** Looks at entries. Concurrent looks share one statement, as decisions do. */
function createLooker(database: Database, statement: Statement, maxInFlight: number): Batcher<Look, Seen> {
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

/** Creates the compare-and-set. Compares by the transaction that wrote the row. */
export function createCompareAndSet(
  database: Database,
  statements: Pick<Statements, "compareAndSet" | "look">,
  maxInFlight: number,
): CompareAndSet {
  const looker = createLooker(database, statements.look, maxInFlight);
  const write = createCaller(database, statements.compareAndSet, maxInFlight);
  return async (rowKey, next, options) => {
    const { nowMs, deadlineMs = longestDeadline(), probe } = options ?? {};
    if (next === undefined) return looker.add({ rowKey, nowMs, deadlineMs }, deadlineMs, probe);
    const { blockedUntilMs, blockedForMs, cells, other } = rowValueOf(next.state, next.text);
    const now = nowMs === undefined ? null : String(nowMs);
    const block = [String(blockedUntilMs), blockedForMs === null ? null : String(blockedForMs)];
    const state = [cells && `{${cells.join()}}`, other];
    const seen = seenIn(await write([now, rowKey, next.over, ...block, ...state, String(next.ttlMs)], deadlineMs));
    if (seen instanceof SluiceError) throw seen;
    return seen;
  };
}
