import { type Row, rowOf, type Session, stateOf } from "./session.js";

/** The work of a transaction. It may run more than once, and may change things only through the view. */
export type Call = (view: View) => unknown;

/** The outcome of a call. */
export type Answer = { readonly value: unknown } | { readonly error: unknown };

/** The outcomes of some calls. */
export interface Answers {
  /** One for each call. `undefined` for a call that changed nothing and must be repeated. */
  readonly answers: readonly (Answer | undefined)[];
  /** The database failure that made a repetition necessary. */
  readonly reason?: unknown;
}

/** See {@link transact}. */
export type TransactionKind = "look" | "try" | "lock";

/**
 * Makes the calls in one transaction.
 *
 * - `"look"` takes no lock: calls that would change anything must be repeated.
 * - `"try"` looks, and takes the write lock only if there is anything to write. The lock is refused if others hold it or
 *   have written since the look. Calls that changed nothing, and saw no change of other calls, are still answered. So a
 *   denial waits for no other process.
 * - `"lock"` takes the write lock first, so that no other process can write between the look and the lock.
 */
export function transact(session: Session, calls: readonly Call[], kind: TransactionKind): Answers {
  const answers: (Answer | undefined)[] = calls.map(() => undefined);
  /** Outcomes that are valid only if everything is written. */
  const relying: (Answer | undefined)[] = [];
  let begun = false;
  try {
    session.begin(kind === "lock" ? "IMMEDIATE" : "DEFERRED");
    begun = true;
    const view = createView(session, Date.now());
    for (const [i, call] of calls.entries()) {
      view.relies = false;
      let answer: Answer;
      try {
        answer = { value: call(view) };
      } catch (error) {
        if (view.broken) throw error;
        answer = { error };
      }
      if (view.relies) relying[i] = answer;
      else answers[i] = answer;
    }
    if (view.needsLock) {
      if (kind === "look") {
        session.rollback();
        return { answers };
      }
      if (kind === "try") session.lock();
      view.flush();
    }
    session.commit();
    return { answers: answers.map((answer, i) => answer ?? relying[i]) };
  } catch (reason) {
    // Only undoes our own transaction: another one may be the reason why this one did not begin.
    if (begun) undo(session);
    return { answers, reason };
  }
}

function undo(session: Session): void {
  try {
    session.rollback();
  } catch {
    // SQLite has already rolled it back.
  }
}

/**
 * The view through which the calls of one transaction read and write. Each row is read once and written once, whatever the
 * calls do with it. Changes are kept here until all calls are decided.
 */
export interface View {
  /** This process's clock, by which rows expire. */
  readonly nowMs: number;
  /** Returns the state under a key. `undefined` if there is none or it has expired. */
  read(key: string): unknown;
  write(key: string, state: unknown, expiresMs: number): void;
  /** Writes a state if that is possible. If it is not, the call's answer stays the same. */
  repair(key: string, state: unknown, expiresMs: number): void;
  /** Deletes a row, even an expired one. */
  remove(key: string): void;
  /** Requests the write lock, whether or not there is anything to write. */
  needLock(): void;
  /** Returns whether a call of this transaction has changed the row. */
  hasChanged(key: string): boolean;
  /** Queries the database, which does not know the changes in this view. */
  ask<T>(question: (session: Session) => T): T;
}

/** A view as the transaction that runs the calls sees it. */
interface OpenView extends View {
  /** True if the write lock is needed. */
  readonly needsLock: boolean;
  /** True if a call changed anything or saw a change of another call. Set to false before each call. */
  relies: boolean;
  /** True if the database failed. */
  readonly broken: boolean;
  /** Writes all changes. */
  flush(): void;
}

function createView(session: Session, nowMs: number): OpenView {
  const rows = new Map<string, Row | undefined>();
  const changed = new Set<string>();
  const repaired = new Set<string>();
  let needsLock = false;
  let broken = false;

  function rowUnder(key: string): Row | undefined {
    if (changed.has(key)) view.relies = true;
    else if (!rows.has(key))
      rows.set(
        key,
        view.ask(() => session.read(key)),
      );
    return rows.get(key);
  }

  function change(key: string, row: Row | undefined): void {
    view.relies = true;
    rows.set(key, row);
    changed.add(key);
  }

  const view: OpenView = {
    nowMs,
    relies: false,
    get needsLock() {
      return needsLock || changed.size > 0 || repaired.size > 0;
    },
    get broken() {
      return broken;
    },

    ask(question) {
      try {
        return question(session);
      } catch (error) {
        broken = true;
        throw error;
      }
    },

    read(key) {
      const row = rowUnder(key);
      return row !== undefined && row.expiresMs > nowMs ? stateOf(row) : undefined;
    },

    write: (key, state, expiresMs) => change(key, rowOf(state, expiresMs)),

    repair(key, state, expiresMs) {
      rows.set(key, rowOf(state, expiresMs));
      repaired.add(key);
    },

    remove(key) {
      if (rowUnder(key) !== undefined) change(key, undefined);
    },

    needLock() {
      view.relies = true;
      needsLock = true;
    },

    hasChanged: (key) => changed.has(key) || repaired.has(key),

    flush() {
      for (const key of new Set([...changed, ...repaired])) {
        const row = rows.get(key);
        if (row === undefined) session.remove(key);
        else session.write(key, row);
      }
    },
  };
  return view;
}
