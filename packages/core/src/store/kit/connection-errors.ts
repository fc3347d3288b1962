/** The last error of a client's connections. `undefined` if the database has answered since. */
type LastError = { last: unknown };

/** Stores that share a client also share its listeners. */
const errorsOf = new WeakMap<object, LastError>();

/**
 * Remembers the errors that a client emits about its connections, for example when the server restarts. Without a listener,
 * some libraries would end the process.
 *
 * @param events the events by which the library reports errors. A client without events is ignored
 */
export function watchErrors(client: object, events: readonly string[]): { last: unknown } {
  const known = errorsOf.get(client);
  if (known !== undefined) return known;
  const errors: LastError = { last: undefined };
  errorsOf.set(client, errors);
  const { on } = client as { readonly on?: (event: string, listener: (event: unknown) => void) => unknown };
  const listener = (event: unknown): void => {
    errors.last = event instanceof Error ? event : ((event as { error?: unknown } | null)?.error ?? event);
  };
  if (typeof on === "function") for (const event of events) on.call(client, event, listener);
  return errors;
}
