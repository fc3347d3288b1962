/** The errors of a client's connections. */
export interface ConnectionErrors {
  /** The last one that the client reported since Redis last answered. */
  last: unknown;
}

/** One for each client: stores that share a client share its listeners. */
const errorsOfClients = new WeakMap<object, ConnectionErrors>();

/** The events by which the libraries report errors of a connection, and of those of one server of several. */
const EVENTS = ["error", "node error", "node-error", "client-error"];

/**
 * Listens to a client's errors, if it has events. As node-redis has it, a client without an `error` listener would end the
 * process when the server restarts.
 */
export function connectionErrorsOf(client: object): ConnectionErrors {
  let errors = errorsOfClients.get(client);
  if (errors === undefined) {
    const created: ConnectionErrors = { last: undefined };
    const { on } = client as { readonly on?: (event: string, listener: (event: unknown) => void) => unknown };
    const listener = (event: unknown): void => {
      created.last = event instanceof Error ? event : ((event as { error?: unknown } | null)?.error ?? event);
    };
    if (typeof on === "function") for (const event of EVENTS) on.call(client, event, listener);
    errorsOfClients.set(client, created);
    errors = created;
  }
  return errors;
}
