import {
  type Admission,
  type Batch,
  type BatchSender,
  builtInAlgorithms,
  type Claim,
  type SluiceError,
} from "@sluice/core/store";
import type { Connection, Database, Statement } from "./client.js";
import { textArray } from "./entries.js";
import {
  askAgain,
  HELD,
  hasNotRun,
  isReadOnly,
  longestDeadline,
  parseReply,
  RECONNECTED,
  readOnly,
  storeFailed,
  unreadableReply,
  wasLocked,
} from "./failure.js";

/** The codes of admissions that were not decided, in results of the SQL function `decide`. */
const CHANGED = -2;
const ROW_HELD = -3;
const READ_ONLY = -4;

/** A batch is split above this size. The server's fixed cost of a statement equals that of 15 decisions. */
const WORTH_SPLITTING = 64;

/**
 * The queue of calls on rows that other transactions hold. Its batches skip such rows, and only one of them is in flight at
 * a time.
 */
const PASSING = "passing";
const WAITING = "waiting";

/** A connection for one batch. */
interface Lent {
  readonly connection: Connection;
  /** True if the batch waits for rows that other transactions hold. */
  waits: boolean;
  /** The answer to all calls if the server can't write. */
  refusal: SluiceError | typeof RECONNECTED | undefined;
}

type Undecided = typeof HELD | typeof RECONNECTED;

/** Converts a batch to the arguments of the SQL function `decide`. */
export function argumentsOf(
  { keys, algorithms, policies, numbers, nowMs }: Pick<Batch, "keys" | "algorithms" | "policies" | "numbers" | "nowMs">,
  waits: boolean,
): readonly (string | null)[] {
  const fours = policies.flatMap(({ number, numbers: [first = 0, second = 0, third = 0] }) => [
    number,
    first,
    second,
    third,
  ]);
  return [
    nowMs === undefined ? null : String(nowMs),
    textArray(keys),
    `{${algorithms.map((algorithm) => builtInAlgorithms.get(algorithm)?.width ?? 0).join()}}`,
    `{${fours.join()}}`,
    `{${numbers.join()}}`,
    String(waits),
  ];
}

/** Sends each batch as one statement. */
export function createBatchSender(
  database: Database,
  statement: Statement,
  maxInFlight: number,
): BatchSender<Undecided, Lent> {
  const heldRows = createHeldRows();

  function readOnlyAnswer(lent: Lent): SluiceError | typeof RECONNECTED {
    lent.refusal ??= lent.connection.endReadOnly() ? RECONNECTED : readOnly();
    return lent.refusal;
  }

  return {
    clock: "each",
    worthSplitting: WORTH_SPLITTING,
    maxInFlight: (queue) => (queue === PASSING ? 1 : maxInFlight),
    queueOf: ({ claims }, keyOf) => (heldRows.concern(claims, keyOf) ? PASSING : WAITING),
    malformed: (what) => unreadableReply(what),

    connected: (use, deadlineMs) =>
      database.connected(
        (connection) => use({ connection, waits: true, refusal: undefined }),
        Math.min(deadlineMs, longestDeadline()),
      ),

    async send(batch, lent) {
      const waits = lent.waits && batch.queue === WAITING;
      let reply: string;
      try {
        reply = await lent.connection.run(statement, argumentsOf(batch, waits));
      } catch (error) {
        if (hasNotRun(error)) return { all: "again" };
        if (!wasLocked(error)) return { all: isReadOnly(error) ? readOnlyAnswer(lent) : storeFailed(error) };
        if (!waits) return { all: HELD };
        lent.waits = false;
        return { all: "again" };
      }
      return {
        numbers: numbersIn(reply),
        otherwise(verdict, next) {
          if (verdict === CHANGED) return "again";
          if (verdict === READ_ONLY) return readOnlyAnswer(lent);
          if (verdict !== ROW_HELD) return unreadableReply(reply);
          heldRows.add(batch.keys[next() - 1] as string);
          return HELD;
        },
      };
    },

    undecided: (answer, { deadlineMs }, tookMs, ask) =>
      askAgain(ask, Math.min(deadlineMs, longestDeadline()), database.connections, { answer, tookMs }),
  };
}

function numbersIn(reply: string): readonly number[] {
  const numbers = parseReply(reply);
  if (!Array.isArray(numbers) || !numbers.every(Number.isSafeInteger)) throw unreadableReply(reply);
  return numbers;
}

/** A row counts as held for this long after another transaction was found to hold it. */
const REMEMBERED_MS = 1_000;

/** If there are more rows than this, all are forgotten. A forgotten row costs one more wait. */
const MAX_ROWS = 10_000;

/** The rows that other transactions were recently found to hold. */
interface HeldRows {
  add(rowKey: string): void;
  /** Returns whether one of the claims is on a held row. */
  concern(claims: Admission["claims"], keyOf: (claim: Claim) => string): boolean;
}

function createHeldRows(): HeldRows {
  const untilMs = new Map<string, number>();
  return {
    add(rowKey) {
      if (untilMs.size >= MAX_ROWS) untilMs.clear();
      untilMs.set(rowKey, performance.now() + REMEMBERED_MS);
    },
    concern(claims, keyOf) {
      if (untilMs.size === 0) return false;
      const nowMs = performance.now();
      return claims.some((claim) => {
        const row = keyOf(claim);
        const until = untilMs.get(row);
        if (until === undefined) return false;
        if (until > nowMs) return true;
        untilMs.delete(row);
        return false;
      });
    },
  };
}
