import type { PgClient } from "./postgres-client.js";

/** The last error of a client's connections. */
export interface ConnectionErrors {
  /** `undefined` since the server answered. */
  last: unknown;
}

const watched = new WeakMap<object, ConnectionErrors>();

/**
 * Remembers the errors that a client of `pg` emits, as when the server restarts. Without a listener they would end the
 * process. All stores on one client share a listener.
 */
export function watchErrors(client: object): ConnectionErrors {
  const known = watched.get(client);
  if (known !== undefined) return known;
  const errors: ConnectionErrors = { last: undefined };
  watched.set(client, errors);
  (client as Partial<PgClient>).on?.("error", (error) => {
    errors.last = error;
  });
  return errors;
}
