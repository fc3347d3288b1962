import { helpUrl } from "@sluice/core/http";

/** A mistake or failure that shows only in requests. Each has a page of its name under `docs/errors`. */
type WarningCode = "BODY_NOT_READ" | "FORGET_FAILED";

/** Tells of each once, on the console. */
export type Warn = (code: WarningCode, message: string) => void;

/** @param name what the app calls the middleware that warns */
export function createWarnings(name: string | undefined): Warn {
  const told = new Set<WarningCode>();
  const who = name === undefined ? "" : ` (${JSON.stringify(name)})`;
  return (code, message) => {
    if (told.has(code)) return;
    told.add(code);
    console.warn(`[sluice] ${code}${who}: ${message} See ${helpUrl(code)}`);
  };
}
