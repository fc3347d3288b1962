/** Adds a listener for the abort of a signal. Returns a function that removes it. */
export type ListenToAbort = (signal: AbortSignal, listener: () => void) => () => void;

/**
 * Adds one listener to a signal for all callers that share it. Adding a listener to a signal and removing it takes time in
 * proportion to the listeners it has, and thousands of callers may wait with the one signal of a shutdown.
 */
export function createAbortListeners(): ListenToAbort {
  const shared = new WeakMap<AbortSignal, { readonly listeners: Set<() => void>; onAbort(): void }>();

  function share(signal: AbortSignal) {
    const listeners = new Set<() => void>();
    const created = {
      listeners,
      onAbort() {
        for (const listener of listeners) listener();
      },
    };
    shared.set(signal, created);
    signal.addEventListener("abort", created.onAbort, { once: true });
    return created;
  }

  return (signal, listener) => {
    const { listeners, onAbort } = shared.get(signal) ?? share(signal);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || shared.get(signal)?.listeners !== listeners) return;
      shared.delete(signal);
      signal.removeEventListener("abort", onAbort);
    };
  };
}
