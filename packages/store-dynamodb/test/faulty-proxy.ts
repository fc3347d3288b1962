import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A proxy between a client and DynamoDB Local that can be slow, silent, broken or gone. */
export interface FaultyProxy {
  readonly url: string;
  /** The delay of each answer. */
  delayMs: number;
  /** While it is true, requests get no answer and are never executed. */
  silent: boolean;
  /** The share of requests whose connection breaks before they reach DynamoDB. */
  brokenShare: number;
  /** The number of connections so far. */
  readonly connections: number;
  /** The number of requests so far. */
  readonly requests: number;
  /** While it is true, existing and new connections are reset. */
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
