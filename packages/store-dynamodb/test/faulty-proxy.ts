import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** Stands between a client and DynamoDB Local, and can be slow, silent, broken or gone. */
export interface FaultyProxy {
  readonly url: string;
  /** The delay of each answer. */
  delayMs: number;
  /** Requests get no answer while it is set, and are not carried out later. */
  silent: boolean;
  /** The share of requests whose connection breaks before DynamoDB has them. */
  brokenShare: number;
  /** Connections that were tried so far. */
  readonly connections: number;
  /** Requests that came so far. */
  readonly requests: number;
  /** Breaks each connection, and each new one at once. */
  refusing: boolean;
  stop(): Promise<void>;
}

export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const agent = new Agent({ keepAlive: true });
  const sockets = new Set<Socket>();
  let connections = 0;
  let requests = 0;
  let broken = 0;
  let refusing = false;

  const proxy = {
    url: "",
    delayMs: 0,
    silent: false,
    brokenShare: 0,
    get connections() {
      return connections;
    },
    get requests() {
      return requests;
    },
    get refusing() {
      return refusing;
    },
    set refusing(value: boolean) {
      refusing = value;
      if (refusing) for (const socket of sockets) socket.resetAndDestroy();
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  } satisfies FaultyProxy;

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    requests++;
    broken += proxy.brokenShare;
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    if (broken >= 1) {
      broken -= 1;
      incoming.socket.destroy();
      return;
    }
    if (proxy.silent) return;
    const { method, headers, url } = incoming;
    const onward = request(target + (url ?? "/"), { method, headers, agent }, (response) => {
      const pass = (): void => {
        outgoing.writeHead(response.statusCode ?? 500, response.headers);
        response.pipe(outgoing);
      };
      if (proxy.delayMs > 0) setTimeout(pass, proxy.delayMs);
      else pass();
    });
    onward.on("error", () => incoming.socket.destroy());
    onward.end(Buffer.concat(chunks));
  }

  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing).catch(() => {}));
  server.on("connection", (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    if (refusing) socket.resetAndDestroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}
