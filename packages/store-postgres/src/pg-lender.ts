import { byDeadline, LATE } from "@sluice/core/kit";
import { SluiceError } from "@sluice/core/store";
import type { PgPool, PgPoolClient } from "./client.js";
import { createAllowance, READ_ONLY_PERIOD_MS } from "./failure.js";

/** Lends the connections of a pool. */
export interface Lender {
  /** Resolves to a connection. Rejects with `STORE_TIMEOUT` if none is free by `deadlineMs`. */
  borrow(deadlineMs: number): Promise<PgPoolClient>;
  giveBack(client: PgPoolClient, isBroken: boolean): void;
  /** Records that the server answered on a connection. */
  answered(client: PgPoolClient): void;
  /**
   * Records that a statement sent at this time got no answer. Connections that have not answered since then are closed too.
   */
  distrust(sentMs: number): void;
  /** Returns whether to close a connection to a server that can't write. A new connection may reach another server. */
  mayCloseReadOnly(): boolean;
}

/** Returns the lender of a pool. All stores on one pool share it and its knowledge of the connections. */
export function lenderOf(pool: PgPool): Lender {
  const known = lenders.get(pool);
  if (known !== undefined) return known;
  const lender = createLender(pool);
  lenders.set(pool, lender);
  return lender;
}

const ignore = (): void => {};

const lenders = new WeakMap<PgPool, Lender>();

function createLender(pool: PgPool): Lender {
  const connections = pool.options?.max ?? 1;
  /** When each connection was opened or last answered. */
  const answeredMs = new WeakMap<PgPoolClient, number>();
  /** Connections that were requested but that no caller waits for any more. */
  const connecting = new Set<Promise<PgPoolClient>>();
  /** Callers that wait for a connection. Each is represented by the function that accepts one. */
  const waiting = new Set<(client: PgPoolClient) => void>();
  let trustedSinceMs = Number.NEGATIVE_INFINITY;

  (pool as { on?(event: "connect", listener: (client: PgPoolClient) => void): unknown }).on?.("connect", (client) => {
    answeredMs.set(client, performance.now());
    // The server may end a connection in the packet that opens it. At that time the pool has removed its listener, and the
    // borrower has none yet. Without a listener the error would end the process. The first statement fails anyway.
    client.on("error", ignore);
    setImmediate(() => client.removeListener("error", ignore));
  });

  /**
   * Resolves to the first free connection. A new one takes several round trips to open, and another one may be released
   * before.
   */
  async function connect(deadlineMs: number): Promise<PgPoolClient> {
    const [early] = (pool.idleCount ?? 0) > 0 ? [] : connecting;
    const asked = early ?? pool.connect();
    if (early !== undefined) connecting.delete(early);
    let isDone = false;
    let offer = (client: PgPoolClient): void => client.release();
    const first = new Promise<PgPoolClient>((resolve, reject) => {
      offer = (client) => {
        if (isDone) {
          client.release();
          return;
        }
        isDone = true;
        connecting.add(asked);
        resolve(client);
      };
      waiting.add(offer);
      asked.then(
        (client) => {
          if (connecting.delete(asked)) client.release();
          else if (!isDone) resolve(client);
          isDone = true;
        },
        (error) => {
          connecting.delete(asked);
          isDone = true;
          reject(error);
        },
      );
    });
    const client = await byDeadline(first, deadlineMs).finally(() => waiting.delete(offer));
    if (client !== LATE) return client;
    if (isDone) first.then((client) => client.release()).catch(() => {});
    isDone = true;
    // The next caller waits for this connection, so that a server that does not answer gets no more connections than there
    // are callers.
    connecting.add(asked);
    throw new SluiceError(
      "STORE_TIMEOUT",
      "no connection of the pool was free or could be opened in time; the call was not sent. Set " +
        "connectionTimeoutMillis and a larger max on the pool",
    );
  }

  return {
    async borrow(deadlineMs) {
      for (let tries = 0; ; tries++) {
        const client = await connect(deadlineMs);
        const lastMs = answeredMs.get(client) ?? Number.NEGATIVE_INFINITY;
        if (lastMs >= trustedSinceMs || tries >= connections) return client;
        client.release(true);
      }
    },

    giveBack(client, isBroken) {
      client.release(isBroken);
      const [offer] = waiting;
      if (offer === undefined || !((pool.idleCount ?? 0) > 0)) return;
      waiting.delete(offer);
      pool.connect().then(offer, () => {});
    },

    answered(client) {
      answeredMs.set(client, performance.now());
    },

    distrust(sentMs) {
      trustedSinceMs = Math.max(trustedSinceMs, sentMs);
    },

    mayCloseReadOnly: createAllowance(connections, READ_ONLY_PERIOD_MS),
  };
}
