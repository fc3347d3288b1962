import { SluiceError } from "@sluice/core";

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
  if (message.includes("SLUICEREPEATED")) {
    return "the connection broke before Redis answered; the script ran at most once";
  }
  const fix = FIXES.find(([text]) => message.includes(text))?.[1];
  return `Redis failed: ${message}${fix === undefined ? "" : `. ${fix}`}`;
}

/** What to do about the errors of Redis that do not go away by themselves. */
const FIXES: readonly (readonly [text: string, fix: string])[] = [
  [
    "READONLY",
    "The client is connected to a replica, as after a failover. Let it connect again: " +
      'with the option "reconnectOnError" of ioredis, or the option "reconnect" of redisStore',
  ],
  [
    "MOVED ",
    "The server is a node of a Redis Cluster: pass a cluster client, such as new Cluster() or createCluster()",
  ],
  ["CROSSSLOT", 'The server is a Redis Cluster: set the option "cluster" of redisStore to true'],
];

/** Whether the failure is an error reply of Redis: such a connection works. All of them start with a code in capitals. */
export function isServerError(error: unknown): boolean {
  return SERVER_ERROR.test(messageOf(error));
}

/** Client libraries put a few words before the code. */
const SERVER_ERROR = /^(?:[\w ]{0,60}: ?)?(?:- ?)?(?:[A-Z][A-Z0-9]{2,} |NoScript)/;

/** Whether the server does not know a script: then it is certain that it has not run. */
export function isUnknownScript(error: unknown): boolean {
  return /^(?:[\w ]{0,60}: ?)?(?:- ?)?(?:NOSCRIPT|NoScript)/.test(messageOf(error));
}

/** Whether a server refused to write because it is a replica. */
export function readOnlyFailure(error: unknown): boolean {
  return messageOf(error).includes("READONLY");
}

/** Whether the keys of a script lie in several hash slots: then it is certain that it has not run. */
export function isCrossSlot(error: unknown): boolean {
  return messageOf(error).includes("CROSSSLOT");
}

/** The error's text; of an error without one, as Node's AggregateError may be, its code. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name);
}
