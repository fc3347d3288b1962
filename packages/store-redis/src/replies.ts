import { reportedByStore, SluiceError } from "@sluice/core/store";

/**
 * Converts a failure of the client or the server to an error of the store.
 *
 * @param connectionError the last error of the connection: the cause of failures that only report a missing connection
 */
export function storeFailed(error: unknown, connectionError?: unknown): SluiceError {
  const message = messageOf(error);
  if (isServerError(error)) {
    return reportedByStore(new SluiceError("STORE_FAILED", explained(message), { cause: error }));
  }
  if (connectionError === undefined || connectionError === error) {
    return new SluiceError("STORE_FAILED", explained(message), { cause: error });
  }
  return new SluiceError("STORE_FAILED", `Redis failed: ${messageOf(connectionError)} (${message})`, {
    cause: connectionError,
  });
}

function explained(message: string): string {
  const code = codeOf(message);
  if (code === "SLUICEREPEATED") return "the connection broke before Redis answered; the script ran at most once";
  const fix = isReadOnly(message) ? FIXES.get("READONLY") : FIXES.get(code ?? "");
  return `Redis failed: ${message}${fix === undefined ? "" : `. ${fix}`}`;
}

/** Fixes for the errors of Redis that last until something is changed. */
const FIXES: ReadonlyMap<string, string> = new Map([
  [
    "READONLY",
    "The client is connected to a replica, for example after a failover. Let it connect again: " +
      'set the option "reconnectOnError" of ioredis, or the option "reconnect" of redisStore',
  ],
  ["MOVED", "The server is a node of a Redis Cluster: pass a cluster client, such as new Cluster() or createCluster()"],
  ["CROSSSLOT", 'The server is a Redis Cluster: set the option "cluster" of redisStore to true'],
]);

/**
 * The code at the start of a Redis error reply, such as `NOSCRIPT`. `undefined` for any other error. The clients of Upstash
 * and GLIDE put words before the code. GLIDE also spells some codes differently (`NoScriptError`).
 */
function codeOf(message: string): string | undefined {
  const [, glide, plain] = ERROR_REPLY.exec(message) ?? [];
  return glide === undefined ? plain : glide.replace(/Error$/, "").toUpperCase();
}

const ERROR_REPLY = /^(?:An error was signalled by the server: - (\w+)|(?:Command failed: )?([A-Z][A-Z0-9]+)(?=[ :]))/;

/** Returns whether the failure is an error reply of Redis, which shows that the connection works. */
export function isServerError(error: unknown): boolean {
  return codeOf(messageOf(error)) !== undefined;
}

/** Returns whether the server does not know a script, and so has certainly not run it. */
export function isUnknownScript(error: unknown): boolean {
  return codeOf(messageOf(error)) === "NOSCRIPT";
}

/** Returns whether the keys of a script are in several hash slots. The script has then certainly not run. */
export function isCrossSlot(error: unknown): boolean {
  const message = messageOf(error);
  return codeOf(message) === "CROSSSLOT" || message.startsWith("ERR CROSSSLOT");
}

/**
 * Returns whether the keys of a script are on two servers because their slot is being moved. The script has then not run.
 * ioredis reports this after the two servers have rejected the script 16 times in turn, with the last rejection.
 */
export function isMovingSlot(error: unknown): boolean {
  const message = messageOf(error);
  return codeOf(message) === "TRYAGAIN" || TOO_MANY_REFUSALS.test(message);
}

const TOO_MANY_REFUSALS = /^Too many Cluster redirections\. Last error: ReplyError: (?:TRYAGAIN|MOVED|ASK) /;

/** Returns whether a server refused to write because it is a replica. */
export function isReadOnlyFailure(error: unknown): boolean {
  return isReadOnly(messageOf(error));
}

/** Redis 6 has the code in the middle of a script's error. */
function isReadOnly(message: string): boolean {
  return codeOf(message) === "READONLY" || message.includes("-READONLY ") || message.includes(" READONLY ");
}

/** The error's text, or its code if it has no text, such as Node's AggregateError. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name);
}

/** The error for a reply that the script can't have sent. */
export function malformedReply(what: string): SluiceError {
  return new SluiceError(
    "STORE_FAILED",
    `the reply of Redis has ${what}: configure the client to return replies unchanged, without mapping or parsing values`,
  );
}

/** Reads a script's reply as an array. @throws SluiceError `STORE_FAILED` */
export function arrayReply(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply))
    throw malformedReply(`the type ${reply === null ? "null" : typeof reply} instead of an array`);
  return reply;
}

/**
 * Reads an integer of a reply. Clients return it as a number, a big integer, or text.
 *
 * @throws SluiceError `STORE_FAILED`
 */
export function integerReply(value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  const number = typeof value === "bigint" || isInteger(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw malformedReply("another value instead of an integer");
  return number;
}

function isInteger(value: unknown): boolean {
  return (typeof value === "string" || value instanceof Uint8Array) && /^-?\d{1,16}$/.test(textOf(value));
}

/** Reads a text of a reply. Clients return it as a string or bytes. @throws SluiceError `STORE_FAILED` */
export function textReply(value: unknown): string {
  if (typeof value === "string" || value instanceof Uint8Array) return textOf(value);
  throw malformedReply("another value instead of a string");
}

function textOf(value: string | Uint8Array): string {
  return typeof value === "string" ? value : Buffer.from(value).toString("utf8");
}

/** Reads a reply of integers. Returns the reply itself if the client returned numbers, as most do. */
export function integersReply(reply: unknown): readonly number[] {
  const values = arrayReply(reply);
  return values.every(Number.isSafeInteger) ? (values as readonly number[]) : values.map(integerReply);
}
