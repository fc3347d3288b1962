import { type Row, rowOf, stateOf } from "./row.js";
import type { Session } from "./session.js";

/**
 * What the calls of one transaction see and change. Each row is read once and written once, whatever the calls do with it:
 * changes are kept here until all is decided.
 */
export interface View {
  /** This process's clock, by which rows expire. */
  readonly nowMs: number;
  /** The state under a key; `undefined` when there is none, or it has expired. */
  read(key: string): unknown;
  write(key: string, state: unknown, expiresMs: number): void;
  /** Writes a state if that is possible. The call is answered without it: its answer would be the same. */
  repair(key: string, state: unknown, expiresMs: number): void;
  /** Forgets a row, also an expired one. */
  remove(key: string): void;
  /** Takes the write lock, with or without anything to write. */
  needLock(): void;
  /** Whether a call of this transaction has changed the row. */
  hasChanged(key: string): boolean;
  /** Asks the database, which does not know of the changes. */
  ask<T>(question: (session: Session) => T): T;
}

/** A view, as whoever makes the calls has it. */
export interface OpenView extends View {
  /** Whether the write lock is needed. */
  readonly needsLock: boolean;
  /** Whether a call changed anything, or saw what another one had changed. To be set to false before each. */
  relies: boolean;
  /** Whether the database failed. */
  readonly broken: boolean;
  /** Writes what has changed. */
  flush(): void;
}

export function createView(session: Session, nowMs: number): OpenView {
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
