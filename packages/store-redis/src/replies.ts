import { SluiceError } from "@sluice/core/store";

/**
 * What a failure of the client or the server becomes.
 *
 * @param connectionError the last error of the connection, the cause of failures that only say that there is no connection
 */
export function storeFailed(error: unknown, connectionError?: unknown): SluiceError {
  const message = messageOf(error);
  if (isServerError(error) || connectionError === undefined || connectionError === error) {
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

/** How to fix the errors of Redis that do not end without a change. */
const FIXES: ReadonlyMap<string, string> = new Map([
  [
    "READONLY",
    "The client is connected to a replica, as after a failover. Let it connect again: " +
      'set the option "reconnectOnError" of ioredis, or the option "reconnect" of redisStore',
  ],
  ["MOVED", "The server is a node of a Redis Cluster: pass a cluster client, such as new Cluster() or createCluster()"],
  ["CROSSSLOT", 'The server is a Redis Cluster: set the option "cluster" of redisStore to true'],
]);

/**
 * The code that starts an error reply of Redis, such as `NOSCRIPT`; `undefined` for any other error. Upstash's client puts
 * words before it, and so does GLIDE, which also writes some codes otherwise (`NoScriptError`).
 */
function codeOf(message: string): string | undefined {
  const [, glide, plain] = ERROR_REPLY.exec(message) ?? [];
  return glide === undefined ? plain : glide.replace(/Error$/, "").toUpperCase();
}

const ERROR_REPLY = /^(?:An error was signalled by the server: - (\w+)|(?:Command failed: )?([A-Z][A-Z0-9]+)(?=[ :]))/;

/** Whether the failure is an error reply of Redis: then the connection works. */
export function isServerError(error: unknown): boolean {
  return codeOf(messageOf(error)) !== undefined;
}

/** Whether the server does not know a script: then it is certain that it has not run. */
export function isUnknownScript(error: unknown): boolean {
  return codeOf(messageOf(error)) === "NOSCRIPT";
}

/** Whether the keys of a script lie in several hash slots: then it is certain that it has not run. */
export function isCrossSlot(error: unknown): boolean {
  const message = messageOf(error);
  return codeOf(message) === "CROSSSLOT" || message.startsWith("ERR CROSSSLOT");
}

/**
 * Whether the keys of a script lie on two servers while their slot moves: then it has not run. ioredis reports it after 16
 * refusals by the two servers in turn, of which it names the last.
 */
export function isMovingSlot(error: unknown): boolean {
  const message = messageOf(error);
  return codeOf(message) === "TRYAGAIN" || TOO_MANY_REFUSALS.test(message);
}

const TOO_MANY_REFUSALS = /^Too many Cluster redirections\. Last error: ReplyError: (?:TRYAGAIN|MOVED|ASK) /;

/** Whether a server refused to write because it is a replica. */
export function isReadOnlyFailure(error: unknown): boolean {
  return isReadOnly(messageOf(error));
}

/** Redis 6 has the code in the middle of a script's error. */
function isReadOnly(message: string): boolean {
  return codeOf(message) === "READONLY" || message.includes("-READONLY ") || message.includes(" READONLY ");
}

/** The error's text; of an error without one, as an AggregateError of Node.js may be, its code. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name);
}

/** The error for a reply that can't be what the script replied. */
export function malformedReply(what: string): SluiceError {
  return new SluiceError(
    "STORE_FAILED",
    `Redis's reply has ${what}: let the client return replies as Redis sends them, without mapping or parsing of values`,
  );
}

/** A reply of the script as an array. @throws SluiceError `STORE_FAILED` */
export function arrayReply(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply))
    throw malformedReply(`the type ${reply === null ? "null" : typeof reply} instead of array`);
  return reply;
}

/**
 * An integer of a reply: clients return it as a number, a big integer, or text.
 *
 * @throws SluiceError `STORE_FAILED`
 */
export function integerReply(value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  const number = typeof value === "bigint" || isInteger(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw malformedReply("something else where an integer must be");
  return number;
}

function isInteger(value: unknown): boolean {
  return (typeof value === "string" || value instanceof Uint8Array) && /^-?\d{1,16}$/.test(textOf(value));
}

/** A text of a reply: clients return it as a string or bytes. @throws SluiceError `STORE_FAILED` */
export function textReply(value: unknown): string {
  if (typeof value === "string" || value instanceof Uint8Array) return textOf(value);
  throw malformedReply("something else where a string must be");
}

function textOf(value: string | Uint8Array): string {
  return typeof value === "string" ? value : Buffer.from(value).toString("utf8");
}

/** A reply of integers only. The reply itself where the client returned numbers, as most do. */
export function integersReply(reply: unknown): readonly number[] {
  const values = arrayReply(reply);
  return values.every(Number.isSafeInteger) ? (values as readonly number[]) : values.map(integerReply);
}
