/*
 * Work that several requests share must not belong to one of them. But runtimes tie work to a request: Node.js, Deno and
 * Bun pass on its AsyncLocalStorage, and Workers end its timers and sockets with it.
 */

interface AsyncHooks {
  readonly AsyncLocalStorage?: { snapshot?(): <R>(work: () => R) => R };
}

interface RuntimeGlobals {
  readonly navigator?: { readonly userAgent?: string };
  readonly WebSocketPair?: unknown;
  readonly process?: { getBuiltinModule?(name: string): unknown };
}

const runtime: RuntimeGlobals = globalThis;

/**
 * Returns whether I/O and timers belong to the request that started them, as on Cloudflare Workers. If so, a request must
 * not wait for work that another request started, or continue it.
 */
export function hasRequestContexts(): boolean {
  return runtime.navigator?.userAgent === "Cloudflare-Workers" || typeof runtime.WebSocketPair === "function";
}

/** Runs work in the context in which this module was loaded: outside every request's AsyncLocalStorage. */
export const outsideRequests: <R>(work: () => R) => R = /* @__PURE__ */ rootContext() ?? ((work) => work());

function rootContext(): (<R>(work: () => R) => R) | undefined {
  if (hasRequestContexts()) return undefined;
  const hooks = runtime.process?.getBuiltinModule?.("node:async_hooks") as AsyncHooks | undefined;
  return hooks?.AsyncLocalStorage?.snapshot?.();
}
