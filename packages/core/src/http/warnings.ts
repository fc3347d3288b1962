import { helpUrl, show } from "../errors.js";

/** A mistake or failure that shows only in requests. Each code has a page of the same name under `docs/errors`. */
export type WarningCode =
  | "BODY_NOT_READ"
  | "CLIENT_ADDRESS_UNUSABLE"
  | "EVERY_PROXY_TRUSTED"
  | "FORGET_FAILED"
  | "FORWARDING_IGNORED"
  | "LIMITED_TWICE"
  | "MADE_IN_HANDLER"
  | "POLICY_CONFLICT"
  | "REFUND_FAILED";

/** Logs a warning on the console once for each code. */
export type Warn = (code: WarningCode, message: string) => void;

/**
 * @param middleware the function that created the middleware
 * @param name its option `name`
 */
export function createWarn(middleware: string, name: string | undefined): Warn {
  const warned = new Set<WarningCode>();
  const who =
    name === undefined ? (middleware === "rateLimit" ? "" : ` (${middleware})`) : ` (${middleware} ${show(name)})`;
  return (code, message) => {
    if (warned.has(code)) return;
    warned.add(code);
    console.warn(`[sluice] ${code}${who}: ${message} See ${helpUrl(code)}`);
  };
}
