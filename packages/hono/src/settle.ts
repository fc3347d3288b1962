import { type EndingResponse, type ResponseOutcome, type Settle, settleAtEnd } from "@sluice/core/http";
import type { Context, Env } from "hono";

/** The values that runtimes put into the environment. */
interface Bindings {
  /** Node's response, from `@hono/node-server`. */
  readonly outgoing?: EndingResponse;
  /** The event of AWS Lambda, from `hono/aws-lambda` and `hono/lambda-edge`. */
  readonly event?: unknown;
}

/**
 * Called before the route. If it returns a function, that is called after the route. On Node.js the response reports its
 * end. Elsewhere the body does, after it was read to its end, because a client that left does not read. A response without
 * a body never shows that it arrived, except on AWS Lambda, where it has ended when the handler resolves.
 */
export function settlerFor<E extends Env>(c: Context<E>, settle: Settle): (() => Promise<undefined>) | undefined {
  const { outgoing, event } = (c.env ?? {}) as Bindings;
  if (typeof outgoing?.once === "function" && "writableFinished" in outgoing) {
    settleAtEnd(outgoing, settle, () => c.error);
    return undefined;
  }
  const { signal } = c.req.raw;
  return async () => {
    const { body, status, bodyUsed } = c.res;
    const outcome = (left: boolean): ResponseOutcome => ({ status, aborted: left || signal.aborted, error: c.error });
    if (signal.aborted) return undefined;
    if (body === null) {
      if (event !== undefined) await settle(outcome(false));
    } else if (!bodyUsed && !body.locked) {
      c.res = new Response(
        reporting(body, (left) => finish(c, settle(outcome(left)))),
        c.res,
      );
    }
    return undefined;
  };
}

/**
 * Waits for a refund unless the platform can keep a request alive. If it waits, the body ends after the refund.
 */
function finish<E extends Env>(c: Context<E>, settled: Promise<void>): Promise<void> {
  if (!hasExecutionContext(c)) return settled;
  c.executionCtx.waitUntil(settled);
  return Promise.resolve();
}

/** Wraps a body so that it reports whether its reader left before the end. */
function reporting(body: ReadableStream<Uint8Array>, ended: (left: boolean) => Promise<void>): ReadableStream {
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        // Runtimes keep reading for a client that has just left, and notice it a turn later. workerd then ends the request
        // here, and the others abort its signal. Checking after the end is too late: Deno then aborts all signals.
        await new Promise((resolve) => setTimeout(resolve));
        await ended(false);
        controller.close();
      },
      cancel(reason) {
        void ended(true);
        return reader.cancel(reason);
      },
    },
    // Reads nothing before the client asks for it.
    { highWaterMark: 0 },
  );
}

/** Returns whether there is an execution context. Without one, reading the property throws. */
function hasExecutionContext<E extends Env>(c: Context<E>): boolean {
  try {
    return c.executionCtx !== undefined;
  } catch {
    return false;
  }
}
