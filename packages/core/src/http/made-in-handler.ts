import { createDiagnostics } from "./diagnostics.js";

/** Such middleware is made again and again, so this is told once in a process. */
const diagnostics = createDiagnostics(undefined);

/** Warns when this is called while the framework handles a request: each would get a limiter of its own. */
export function findMadeInHandler(handlerFrame: RegExp | undefined): void {
  if (handlerFrame?.test(new Error("for its stack").stack ?? "")) {
    diagnostics.warn("MADE_IN_HANDLER", "rateLimit was called while a request was handled.");
  }
}
