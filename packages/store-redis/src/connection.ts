import { SluiceError } from "@sluice/core";
import type { Commands } from "./commands.js";
import { connectionErrorsOf } from "./connection-errors.js";
import { isReadOnlyFailure, isServerError, storeFailed } from "./failures.js";

/** A connection that owes replies for this long is dead. */
const SILENT_MS = 2_000;

/** The least time between two reconnections. */
const RECONNECT_EVERY_MS = 1_000;

/** Commands whose failures are a `SluiceError`, on a connection that is given up when it is useless. */
export interface Connection extends Commands {
  masters(): Promise<readonly Connection[]>;
  /** The last error of the connection since it last answered, or that it is silent; `undefined` while it works. */
  error(): unknown;
  /** Reports that the server refused to write because it is a replica, in a reply that was no error. */
  isReadOnly(): void;
}

/**
 * Watches what a client's connection answers.
 *
 * @param reconnect makes the client connect again; called when the server is a read-only replica, or silent
 */
export function createConnection(
  commands: Commands,
  client: object,
  reconnect: (() => unknown) | undefined,
): Connection {
  const reported = connectionErrorsOf(client);
  let unanswered = 0;
  /** Since when the oldest unanswered call waits, or when the last answer came. */
  let silentSinceMs = 0;
  /** Whether the connection has answered since it was given up. A new one is left alone until it has. */
  let worked = false;
  let reconnectedMs = Number.NEGATIVE_INFINITY;

  function isSilent(): boolean {
    return unanswered > 0 && performance.now() - silentSinceMs > SILENT_MS;
  }

  function giveUp(): void {
    const nowMs = performance.now();
    if (reconnect === undefined || !worked || nowMs - reconnectedMs < RECONNECT_EVERY_MS) return;
    worked = false;
    reconnectedMs = nowMs;
    const failed = (error: unknown): void => {
      reported.last = error;
    };
    try {
      Promise.resolve(reconnect()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  function isReadOnly(): void {
    if (reconnect !== undefined) giveUp();
    // A refused write makes clients such as ioredis, with `reconnectOnError`, connect again.
    else commands.del("sluice:read-only").catch(() => {});
  }

  function answered(): void {
    unanswered--;
    silentSinceMs = performance.now();
    worked = true;
    reported.last = undefined;
  }

  function failed(error: unknown): SluiceError {
    if (isServerError(error)) answered();
    else unanswered--;
    if (isReadOnlyFailure(error)) giveUp();
    return storeFailed(error, reported.last);
  }

  async function call(command: () => Promise<unknown>): Promise<unknown> {
    if (isSilent()) giveUp();
    if (unanswered++ === 0) silentSinceMs = performance.now();
    let reply: unknown;
    try {
      reply = await command();
    } catch (error) {
      throw failed(error);
    }
    answered();
    return reply;
  }

  return {
    evalsha: (sha1, keys, args) => call(() => commands.evalsha(sha1, keys, args)),
    eval: (script, keys, args) => call(() => commands.eval(script, keys, args)),
    del: (key) => call(() => commands.del(key)),
    cluster: commands.cluster,
    masterOf: (slot) => commands.masterOf(slot),
    async masters() {
      try {
        return (await commands.masters()).map((master) => createConnection(master, client, undefined));
      } catch (error) {
        throw failed(error);
      }
    },
    error() {
      if (reported.last !== undefined) return reported.last;
      return isSilent()
        ? new SluiceError(
            "STORE_TIMEOUT",
            `Redis has not answered for ${SILENT_MS} ms on an open connection. ${SILENT_FIX}`,
          )
        : undefined;
    },
    isReadOnly,
  };
}

const SILENT_FIX =
  'Let the client end silent connections: "socketTimeout" of ioredis; "socket.socketTimeout" of redis, with the option "reconnect" of redisStore.';
