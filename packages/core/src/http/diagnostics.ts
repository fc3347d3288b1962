import { helpUrl, show } from "../errors.js";

/** A mistake in the set-up that shows only in requests. Each has a page of its name under `docs/errors`. */
export type DiagnosticCode =
  | "CLIENT_ADDRESS_UNUSABLE"
  | "EVERY_PROXY_TRUSTED"
  | "FORWARDING_IGNORED"
  | "LIMITED_TWICE"
  | "MADE_IN_HANDLER"
  | "POLICY_CONFLICT"
  | "REFUND_FAILED";

/** Tells of each mistake once, on the console. */
export interface Diagnostics {
  warn(code: DiagnosticCode, message: string): void;
}

/**
 * @param middleware the function that created the middleware that warns
 * @param name what the app calls it
 */
export function createDiagnostics(middleware: string, name: string | undefined): Diagnostics {
  const told = new Set<DiagnosticCode>();
  const who =
    name === undefined ? (middleware === "rateLimit" ? "" : ` (${middleware})`) : ` (${middleware} ${show(name)})`;
  return {
    warn(code, message) {
      if (told.has(code)) return;
      told.add(code);
      console.warn(`[sluice] ${code}${who}: ${message} See ${helpUrl(code)}`);
    },
  };
}
