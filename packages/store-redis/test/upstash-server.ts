import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";

/** A server with Upstash's REST protocol in front of a Redis. */
export interface UpstashServer {
  readonly url: string;
  readonly token: string;
  stop(): Promise<void>;
}

/** Serves single commands at `/` and lists of commands at `/pipeline` (docs of Upstash, "REST API"). */
export async function startUpstash(redisPort: number): Promise<UpstashServer> {
  const token = "secret";
  const redis = new Redis(redisPort);

  async function run(command: readonly string[]): Promise<{ result: unknown } | { error: string }> {
    try {
      const [name = "", ...args] = command;
      return { result: await redis.call(name, ...args) };
    } catch (error) {
      return { error: (error as Error).message };
    }
  }

  const server = createServer(async (request, response) => {
    const authorized = request.headers.authorization === `Bearer ${token}`;
    const body = JSON.parse(await bodyOf(request));
    const encode = request.headers["upstash-encoding"] === "base64" ? inBase64 : (value: unknown) => value;
    const one = async (command: readonly string[]) => {
      const answer = await run(command.map(String));
      return "result" in answer ? { result: encode(answer.result) } : answer;
    };
    const answer = !authorized
      ? { error: "WRONGPASS invalid token" }
      : request.url?.startsWith("/pipeline")
        ? await Promise.all((body as string[][]).map(one))
        : await one(body as string[]);
    const failed = "error" in answer;
    response.writeHead(failed ? 400 : 200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    async stop() {
      redis.disconnect();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}

/** Encodes all texts of a reply in base64, as the client requests. */
function inBase64(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inBase64);
  return typeof value === "string" && value !== "OK" ? Buffer.from(value).toString("base64") : value;
}
