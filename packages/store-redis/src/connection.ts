import { SluiceError, watchErrors } from "@sluice/core/store";
import type { Commands } from "./client.js";
import { isReadOnlyFailure, isServerError, storeFailed } from "./replies.js";

/** A connection with replies outstanding for this long counts as dead. */
const SILENT_MS = 2_000;

/** A connection is closed at most once in this time. */
const GIVE_UP_EVERY_MS = 1_000;

/** The key of a write that has no effect. */
const NO_KEY = "{0}sluice:no-key";

/** The events by which the libraries report connection errors, for the whole client and for one server of several. */
const ERROR_EVENTS = ["error", "node error", "node-error", "client-error"];

/** Sends commands. Failures are `SluiceError`s. Closes a connection that no longer works. */
export interface Connection extends Commands {
  masters(): Promise<readonly Connection[]>;
  /** The connection's last error since its last reply, or an error if it is silent. `undefined` while it works. */
  error(): unknown;
  /** Reports a reply which is not an error but shows that the server refused to write because it is a replica. */
  isReadOnly(): void;
}

/**
 * Watches the replies on a client's connection.
 *
 * @param reconnect makes the client connect again. Called if the server is a read-only replica or silent
 */
export function createConnection(
  commands: Commands,
  client: object,
  reconnect: (() => unknown) | undefined,
): Connection {
  const reported = watchErrors(client, ERROR_EVENTS);
  /** When the first call after the last reply was sent. */
  let silentSinceMs: number | undefined;
  /** True if the connection has replied since the last reconnect. A new connection is not closed before it has replied. */
  let worked = false;
  let gaveUpMs = Number.NEGATIVE_INFINITY;

  function isSilent(): boolean {
    return silentSinceMs !== undefined && performance.now() - silentSinceMs > SILENT_MS;
  }

  function giveUp(): void {
    const nowMs = performance.now();
    if (!worked || nowMs - gaveUpMs < GIVE_UP_EVERY_MS) return;
    gaveUpMs = nowMs;
    if (reconnect === undefined) {
      // Clients may be configured to reconnect on an error reply, such as ioredis with `reconnectOnError`.
      commands.del(NO_KEY).catch(() => {});
      return;
    }
    worked = false;
    silentSinceMs = undefined;
    const failed = (error: unknown): void => {
      reported.last = error;
    };
    try {
      Promise.resolve(reconnect()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  function answered(): void {
    silentSinceMs = undefined;
    worked = true;
    reported.last = undefined;
  }

  function failed(error: unknown): SluiceError {
    // The client has already closed the connection.
    if (isServerError(error)) answered();
    else silentSinceMs = undefined;
    if (isReadOnlyFailure(error) && reconnect !== undefined) giveUp();
    return storeFailed(error, reported.last);
  }

  async function call(command: () => Promise<unknown>): Promise<unknown> {
    if (isSilent() && reconnect !== undefined) giveUp();
    silentSinceMs ??= performance.now();
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
    isReadOnly: giveUp,
  };
}

const SILENT_FIX =
  'Let the client end silent connections: "socketTimeout" of ioredis; "socket.socketTimeout" of redis, with the option "reconnect" of redisStore.';
