import type { Session } from "./session.js";
import { createView, type View } from "./view.js";

/** What is done in a transaction. It may be called more than once, and changes nothing but through the view. */
export type Call = (view: View) => unknown;

/** What became of a call. */
export type Answer = { readonly value: unknown } | { readonly error: unknown };

/** What became of some calls. */
export interface Answers {
  /** For each call; `undefined` for one that changed nothing and has to be made again. */
  readonly answers: readonly (Answer | undefined)[];
  /** The failure of the database because of which there are such. */
  readonly reason?: unknown;
}

/** See {@link transact}. */
export type TransactionKind = "look" | "try" | "lock";

/**
 * Makes the calls in one transaction.
 *
 * - `"look"` takes no lock: calls that would change anything have to be made again.
 * - `"try"` looks, and takes the write lock only if there is anything to write. The lock is refused when others hold it, and
 *   when they have written since the look; then calls that changed nothing, nor saw a change of the others, are answered all
 *   the same: so a denial waits for nobody.
 * - `"lock"` takes the write lock first, so that nobody can write between the look and the lock.
 */
export function transact(session: Session, calls: readonly Call[], kind: TransactionKind): Answers {
  const answers: (Answer | undefined)[] = calls.map(() => undefined);
  /** What holds only if all is written. */
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
    // Not somebody else's, which may be why this one did not begin.
    if (begun) undo(session);
    return { answers, reason };
  }
}

function undo(session: Session): void {
  try {
    session.rollback();
  } catch {
    // SQLite has undone it by itself.
  }
}
