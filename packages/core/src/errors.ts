/**
 * Every reason for which Sluice throws or rejects. A reached limit is never an error: it is a {@link Decision}. Switch on
 * `code`, because messages may change.
 */
export type SluiceErrorCode =
  /** An option has a value of the wrong type or out of range. */
  | "INVALID_OPTION"
  /** An option does not exist, often because of a typing error. */
  | "UNKNOWN_OPTION"
  /** A key is empty or not a string. */
  | "INVALID_KEY"
  /** A cost is not a whole number of 1 or more. */
  | "INVALID_COST"
  /** A policy names an algorithm that neither Sluice nor the `algorithms` option knows. */
  | "UNKNOWN_ALGORITHM"
  /** The value passed as a store lacks methods of a store. */
  | "INVALID_STORE"
  /** The value passed as a database client is not one of the supported clients. */
  | "INVALID_CLIENT"
  /** The store failed; `cause` holds the error of the client library. */
  | "STORE_FAILED"
  /** The store did not answer within the time allowed. */
  | "STORE_TIMEOUT"
  /** The store failed so often that the circuit breaker stopped asking it. Nothing was sent. `cause` is the last failure. */
  | "STORE_BREAKER_OPEN"
  /** The database lacks the table or migration that the store needs, or has another version. The message names the fix. */
  | "STORE_NOT_READY"
  /** Other writers won every compare-and-set on one key. Nothing was written. */
  | "STORE_CONTENDED"
  /** Stored state has a form that this release can't read. */
  | "STORE_STATE_UNREADABLE"
  /** `wait` can't be granted before its deadline. */
  | "WAIT_TIMEOUT"
  /** `wait` can never be granted: its cost is more than the limit of a policy. */
  | "COST_EXCEEDS_LIMIT"
  /** The limiter or store was used after `close()`. */
  | "CLOSED"
  /** A request has no client address, or one that is not an IP address, so its client can't be identified. */
  | "CLIENT_ADDRESS_UNUSABLE"
  /** An adapter needs a way to find client addresses or a key, because its framework does not know client addresses. */
  | "CONN_INFO_MISSING"
  /** The URL of a store has an unknown scheme or is malformed. */
  | "INVALID_STORAGE"
  /** The URL of a store needs a package that is not installed. The message says how to install it. */
  | "PACKAGE_MISSING"
  /** The storage can't be reached or used: wrong port, wrong credentials, or a missing folder. */
  | "STORAGE_UNAVAILABLE"
  /** The store can't list its entries. */
  | "NOT_LISTABLE"
  /** An entry is known only by the digest of its key, and the target store looks keys up in plain text. */
  | "DIGESTED_KEY"
  /** The blocklist already has its maximum number of ranges. */
  | "BLOCKLIST_FULL";

/**
 * The one error class of Sluice.
 *
 * @example
 * ```ts
 * import { SluiceError, tokenBucket } from "@sluice/core";
 *
 * try {
 *   tokenBucket({ rate: Number.NaN });
 * } catch (error) {
 *   if (error instanceof SluiceError && error.code === "INVALID_OPTION") console.error(error.message);
 * }
 * ```
 */
export class SluiceError extends Error {
  override readonly name = "SluiceError";
  readonly code: SluiceErrorCode;

  /** Also true for errors of another copy of this package: one process may load both the ES module and the CommonJS module. */
  static override [Symbol.hasInstance](this: unknown, value: unknown): value is SluiceError {
    // biome-ignore lint/complexity/noThisInStatic: it is the class that was asked, which may be a subclass
    if (this !== SluiceError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return (value as Partial<SluiceError> | null | undefined)?.name === "SluiceError";
  }

  constructor(code: SluiceErrorCode, message: string, options?: ErrorOptions) {
    super(`[sluice] ${message}`, options);
    this.code = code;
  }
}

/**
 * The address of the pages about errors and warnings. Each code that needs more explanation than its message has a page.
 */
const PAGES = "https://sluice.example/sluice/sluice/blob/main/docs/errors";

/** Returns the address of the page about an error or warning. */
export function helpUrl(code: string): string {
  return `${PAGES}/${code}.md`;
}

/** Wraps a failure of the store in a `SluiceError`, with the original error as its cause. */
export function storeFailure(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const message = error instanceof Error ? error.message || error.name : String(error);
  return new SluiceError("STORE_FAILED", `the store failed: ${message}`, { cause: error });
}

/** Formats a rejected value for a message. The text is short, fits on one line, and never shows the contents of an object. */
export function show(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  if (typeof value === "function") return "a function";
  return String(value);
}

/**
 * The error for an option with an invalid value.
 *
 * @param must the end of the sentence "option … must …", as in `be a function`
 */
export function invalidOption(option: string, value: unknown, must: string, options?: ErrorOptions): SluiceError {
  return new SluiceError("INVALID_OPTION", `option "${option}" must ${must}, got ${show(value)}`, options);
}
