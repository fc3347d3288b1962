import { SluiceError } from "@sluice/core";
import { byDeadline, LATE } from "./late.js";
import type { PgPool, PgPoolClient } from "./postgres-client.js";

/** Read-only connections are closed no faster than all of the pool in so much time: the only server may be read-only. */
const READ_ONLY_PERIOD_MS = 1_000;

/** Lends the connections of a pool. */
export interface Lender {
  /** Resolves to a connection. Rejects with `STORE_TIMEOUT` when none is free by `deadlineMs`. */
  borrow(deadlineMs: number): Promise<PgPoolClient>;
  /** Notes that the server answered on a connection. */
  answered(client: PgPoolClient): void;
  /** Notes that a statement got no answer that was sent at this time: connections that were not used since are closed too. */
  distrust(sentMs: number): void;
  /** Whether to close a connection to a server that can't write, and to look for a new one. */
  distrustReadOnly(): boolean;
}

/** All stores on one pool share what is known of its connections. */
export function lenderOf(pool: PgPool): Lender {
  const known = lenders.get(pool);
  if (known !== undefined) return known;
  const lender = createLender(pool);
  lenders.set(pool, lender);
  return lender;
}

const lenders = new WeakMap<PgPool, Lender>();

function createLender(pool: PgPool): Lender {
  const connections = pool.options?.max ?? 1;
  /** When each connection was opened, or answered last. */
  const answeredMs = new WeakMap<PgPoolClient, number>();
  /** Connections that were asked for, and for which nobody waits any more. */
  const connecting = new Set<Promise<PgPoolClient>>();
  let trustedSinceMs = Number.NEGATIVE_INFINITY;
  let readOnlyClosed = 0;
  let readOnlySinceMs = Number.NEGATIVE_INFINITY;

  (pool as { on?(event: "connect", listener: (client: PgPoolClient) => void): unknown }).on?.("connect", (client) =>
    answeredMs.set(client, performance.now()),
  );

  async function connect(deadlineMs: number): Promise<PgPoolClient> {
    const [waited] = connecting;
    const asked = waited ?? pool.connect();
    connecting.delete(asked);
    const client = await byDeadline(asked, deadlineMs);
    if (client !== LATE) return client;
    // The next caller waits on for the same one: a server that does not answer gets no more connections than callers.
    connecting.add(asked);
    asked.then(
      (client) => {
        if (connecting.delete(asked)) client.release();
      },
      () => connecting.delete(asked),
    );
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

    answered(client) {
      answeredMs.set(client, performance.now());
    },

    distrust(sentMs) {
      trustedSinceMs = Math.max(trustedSinceMs, sentMs);
    },

    distrustReadOnly() {
      const nowMs = performance.now();
      if (nowMs - readOnlySinceMs > READ_ONLY_PERIOD_MS) {
        readOnlySinceMs = nowMs;
        readOnlyClosed = 0;
      }
      return ++readOnlyClosed <= connections;
    },
  };
}
