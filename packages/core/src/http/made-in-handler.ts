import { createWarn } from "./warnings.js";

/** Once for the whole process, because such middleware is created again and again. */
const warn = createWarn("rateLimit", undefined);

/** After this many middlewares in a row that handled one request each, the app is certainly not just starting late. */
const IN_A_ROW = 100;

let inARow = 0;
let newest: object | undefined;

/**
 * Warns if it is called while the framework handles a request, because each request would then get a new guard. The stack
 * shows it immediately. In minified code and after an `await`, it is found by counting.
 *
 * @returns the function to call with each request
 */
export function findMadeInHandler(handlerFrame: RegExp | undefined, middleware: string): () => void {
  if (handlerFrame?.test(new Error("for its stack").stack ?? "")) {
    warn("MADE_IN_HANDLER", `${middleware} was called while a request was handled.`);
  }
  const self = {};
  newest = self;
  queueMicrotask(() => {
    if (newest === self) newest = undefined;
  });
  let requests = 0;
  let madeForOne = false;
  return () => {
    if (requests === 2) return;
    requests++;
    if (requests === 1) {
      // Nothing else has run since the middleware was created.
      madeForOne = newest === self;
      if (madeForOne && ++inARow === IN_A_ROW) {
        warn("MADE_IN_HANDLER", `${middleware} was called for each of ${IN_A_ROW} requests.`);
      }
    } else if (madeForOne) {
      inARow = 0;
    }
  };
}
