import { SluiceError, show } from "../errors.js";

/**
 * Joins several parts into one key, such as tenant and user. Different parts never give the same key, whatever characters
 * they contain: a bar separates the parts, and bars and backslashes within a part are escaped.
 *
 * @throws SluiceError `INVALID_KEY` if a part is not a string, or if there are no parts
 *
 * @example
 * ```ts
 * import { clientKey, compositeKey } from "@sluice/core";
 *
 * compositeKey("tenant-7", clientKey("192.0.2.1")); // "tenant-7|192.0.2.1"
 * compositeKey("a|b", "c"); // "a\\|b|c", and not that of "a", "b", "c"
 * ```
 */
export function compositeKey(...parts: readonly string[]): string {
  const wrong = parts.findIndex((part) => typeof part !== "string");
  if (wrong !== -1 || parts.length === 0) {
    const what =
      wrong === -1
        ? "has no parts: pass at least one string"
        : `has ${show(parts[wrong])} as part ${wrong + 1}: its parts must be strings`;
    throw new SluiceError("INVALID_KEY", `the composite key ${what}`);
  }
  return parts.map((part) => part.replace(/[\\|]/g, "\\$&")).join("|");
}
