import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy that breaks connections as networks do. */
export interface Proxy {
  readonly port: number;
  /** Lets requests through, but breaks the connection instead of sending an answer, after the next `pass` answers. */
  loseAnswer(pass: number): void;
  /** Passes on only half of every n-th answer, and then breaks the connection. 0 turns it off. */
  cut(every: number): void;
  /** How many answers were lost or cut so far. */
  readonly lost: number;
  /** Resets all open connections. New connections work. */
  reset(): void;
  /** Freezes all open connections: they stay open, but carry no data. New connections work. */
  freeze(): void;
  /**
   * Drops every packet on open and new connections until it is turned off: all stay open, but carry no data.
   * Afterwards, new connections work, and the earlier ones stay frozen.
   */
  drop(on: boolean): void;
  /**
   * Connects new connections to another server, as a failover behind one address does. Open connections do not change.
   */
  redirect(toPort: number): void;
  /** Delays each answer by `delayMs` from now on. */
  delay(delayMs: number): void;
  /** How many connections were opened so far. */
  readonly connections: number;
  stop(): Promise<void>;
}

/** One connection through the proxy. */
interface Link {
  frozen: boolean;
  /** Delayed answers, in order. */
  readonly held: Buffer[];
}

export async function startProxy(toPort: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const links = new Set<Link>();
  let target = toPort;
  let delayMs = 0;
  let dropping = false;
  let passing = Number.POSITIVE_INFINITY;
  let cutEvery = 0;
  let answers = 0;
  let lost = 0;
  let connections = 0;

  function answer(near: Socket, link: Link, data: Buffer): void {
    if (delayMs === 0 && link.held.length === 0) {
      near.write(data);
      return;
    }
    link.held.push(data);
    // Each timer passes on the oldest answer, since timers of one millisecond may fire in another order.
    setTimeout(() => {
      const oldest = link.held.shift();
      if (oldest !== undefined && !link.frozen) near.write(oldest);
    }, delayMs);
  }

  function freeze(): void {
    for (const link of links) link.frozen = true;
  }

  const server = createServer((near) => {
    connections++;
    const far = connect(target, "127.0.0.1");
    const link: Link = { frozen: dropping, held: [] };
    links.add(link);
    near.setNoDelay(true);
    far.setNoDelay(true);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        links.delete(link);
        other.destroy();
      });
    }
    near.on("data", (data) => {
      if (!link.frozen) far.write(data);
    });
    far.on("data", (data) => {
      if (link.frozen) return;
      answers++;
      if (cutEvery > 0 && answers % cutEvery === 0) {
        lost++;
        near.end(data.subarray(0, data.length >> 1));
        far.destroy();
        return;
      }
      if (passing-- > 0) {
        answer(near, link, data);
        return;
      }
      passing = Number.POSITIVE_INFINITY;
      lost++;
      near.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    loseAnswer(pass) {
      passing = pass;
    },
    cut(every) {
      cutEvery = every;
    },
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    get lost() {
      return lost;
    },
    freeze,
    drop(on) {
      dropping = on;
      if (on) freeze();
    },
    redirect(port) {
      target = port;
    },
    delay(ms) {
      delayMs = ms;
    },
    get connections() {
      return connections;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
