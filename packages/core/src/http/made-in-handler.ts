import { createWarn } from "./warnings.js";

/** Such middleware is created again and again, so this is warned of once in a process. */
const warn = createWarn("rateLimit", undefined);

/** This many one-shot middlewares in a row cannot be an app that creates its middleware late. */
const IN_A_ROW = 100;

let inARow = 0;
let newest: object | undefined;

/**
 * Warns if this is called while the framework handles a request: then each request would get a new guard. Detects it at
 * once by the stack, and otherwise by counting: in minified code, and after an `await`.
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
      // Nothing else has run since it was created.
      madeForOne = newest === self;
      if (madeForOne && ++inARow === IN_A_ROW) {
        warn("MADE_IN_HANDLER", `${middleware} was called for each of ${IN_A_ROW} requests.`);
      }
    } else if (madeForOne) {
      inARow = 0;
    }
  };
}
