import { connect, createServer, type Socket } from "node:net";

/** A TCP connection in between, which can lose an answer. */
export interface Proxy {
  readonly port: number;
  /** Lets requests through, and breaks the connection in place of the answer after the next `pass`. */
  loseAnswer(pass: number): void;
  /** How many answers were lost so far. */
  readonly lost: number;
  stop(): Promise<void>;
}

export async function startProxy(toPort: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let passing = Number.POSITIVE_INFINITY;
  let lost = 0;
  const server = createServer((near) => {
    const far = connect(toPort, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    near.on("data", (data) => far.write(data));
    far.on("data", (data) => {
      if (passing-- > 0) {
        near.write(data);
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
    get lost() {
      return lost;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
