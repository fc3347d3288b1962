import { createDiagnostics } from "./diagnostics.js";

/** Such middleware is made again and again, so this is told once in a process. */
const diagnostics = createDiagnostics("rateLimit", undefined);

/** So many in a row, each made for its one request, are no middleware that an app makes late and keeps. */
const IN_A_ROW = 100;

let inARow = 0;
let newest: object | undefined;

/**
 * Warns when this is called while the framework handles a request: each would get a limiter of its own. At once where
 * the stack shows it, and by counting where it does not: in code that is minified, and after an `await`.
 *
 * @returns to be called with each request
 */
export function findMadeInHandler(handlerFrame: RegExp | undefined): () => void {
  if (handlerFrame?.test(new Error("for its stack").stack ?? "")) {
    diagnostics.warn("MADE_IN_HANDLER", "rateLimit was called while a request was handled.");
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
      // Nothing else has run since it was made.
      madeForOne = newest === self;
      if (madeForOne && ++inARow === IN_A_ROW) {
        diagnostics.warn("MADE_IN_HANDLER", `rateLimit was called for each of ${IN_A_ROW} requests.`);
      }
    } else if (madeForOne) {
      inARow = 0;
    }
  };
}
