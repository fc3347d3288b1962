import type { Settle } from "@sluice/core";
import type { Context, Env } from "hono";

/** The part that matters of Node's response, which `@hono/node-server` has in the environment. */
interface NodeResponse {
  once(event: "close", listener: () => void): unknown;
  readonly writableFinished: boolean;
}

/**
 * Called before the route; the function returned is to be called after it. On Node.js the response tells when it is over;
 * elsewhere the route's end is what is known, and whether the client had left by then.
 */
export function settlerFor<E extends Env>(c: Context<E>, settle: Settle): () => void {
  const response = (c.env as { outgoing?: NodeResponse } | undefined)?.outgoing;
  let status = 0;
  if (typeof response?.once === "function" && "writableFinished" in response) {
    // When the route has not ended by then, the client had left before.
    response.once("close", () => settle({ status, aborted: !response.writableFinished, error: c.error }));
    return () => {
      status = c.res.status;
    };
  }
  const { signal } = c.req.raw;
  return () => {
    const outcome = { status: c.res.status, error: c.error };
    // A route that failed because the client left may hear of it before the signal does.
    const settled = new Promise<void>((resolve) => {
      setTimeout(() => resolve(settle({ ...outcome, aborted: signal.aborted })), 0);
    });
    if (hasExecutionContext(c)) c.executionCtx.waitUntil(settled);
  };
}

/** Asking for it throws where there is none. */
function hasExecutionContext<E extends Env>(c: Context<E>): boolean {
  try {
    return c.executionCtx !== undefined;
  } catch {
    return false;
  }
}
