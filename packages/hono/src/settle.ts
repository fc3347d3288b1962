import { type ClosedResponse, outcomeOf, type Settle } from "@sluice/core";
import type { Context, Env } from "hono";

/** What `@hono/node-server` puts into the environment: Node's response. */
interface Bindings {
  readonly outgoing?: ClosedResponse & { once(event: "close", listener: () => void): unknown };
}

/**
 * Called before the route; the function returned, if any, is to be called after it. Node's response tells when it is over.
 * Elsewhere the body tells, once it has been read to its end: a client that left does not read. What cannot be told to
 * have arrived is never settled.
 */
export function settlerFor<E extends Env>(c: Context<E>, settle: Settle): (() => void) | undefined {
  const { outgoing } = (c.env ?? {}) as Bindings;
  if (typeof outgoing?.once === "function" && "writableFinished" in outgoing) {
    outgoing.once("close", () => settle(outcomeOf(outgoing, c.error)));
    return undefined;
  }
  const { signal } = c.req.raw;
  return () => {
    const { body, status } = c.res;
    if (body === null || signal.aborted) return;
    const told = telling(body, (left) => {
      const settled = settle({ status, aborted: left || signal.aborted, error: c.error });
      if (hasExecutionContext(c)) c.executionCtx.waitUntil(settled);
    });
    c.res = new Response(told, c.res);
  };
}

/** The same body, which tells whether its reader left before the end. */
function telling(body: ReadableStream<Uint8Array>, ended: (left: boolean) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        // Runtimes read on for a client that has just left. They know it a turn later: workerd then ends the request
        // here, and the others abort its signal. After the end is too late: Deno aborts all signals then.
        await new Promise((resolve) => setTimeout(resolve));
        ended(false);
        controller.close();
      },
      cancel(reason) {
        ended(true);
        return reader.cancel(reason);
      },
    },
    // Nothing is read ahead of the client.
    { highWaterMark: 0 },
  );
}

/** Asking for it throws where there is none. */
function hasExecutionContext<E extends Env>(c: Context<E>): boolean {
  try {
    return c.executionCtx !== undefined;
  } catch {
    return false;
  }
}
