import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createLimiter, fixedWindow } from "@sluice/core";
import { startRedis } from "@sluice/servers";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { describe, expect, it } from "vitest";
import { redisStore } from "../src/index.js";
import { connectors } from "./clients.js";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code as string);

/** The printed examples that create a client, by the position of their blocks in the README. */
const printed: Readonly<Record<string, string>> = {
  "ioredis, as in the first example": blocks[0] as string,
  "node-redis, as in the second example": blocks[1] as string,
  "ioredis, with the settings": blocks[2] as string,
  "node-redis, with the settings": blocks[3] as string,
};

/** A program with a printed code block. It decides ten times per second, and prints the source of each decision. */
function program(code: string, port: number): string {
  const adapted = code
    .replaceAll("127.0.0.1:6379", `127.0.0.1:${port}`)
    .replaceAll("port: 6379", `port: ${port}`)
    .replaceAll("app.listen(3000)", "");
  return `${adapted}
import { createLimiter } from "@sluice/core";
const limiter = createLimiter({ store: redisStore({ client }), timeout: 200, on: { storeError() {}, storeRecovered() {} } });
setInterval(async () => console.log((await limiter.consume("somebody")).source), 100);
`;
}

describe.each(Object.entries(printed))("the printed code for %s", (_, code) => {
  it("survives a restart of the server, and decides again", async () => {
    let server = await startRedis();
    const { port } = server;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program(code, port)], {
      cwd: new URL("..", import.meta.url),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    const exited = once(child, "exit").then(() => Promise.reject(new Error(`it ended: ${errors}`)));
    exited.catch(() => {});
    const until = async (pattern: RegExp) => {
      while (!pattern.test(output)) await Promise.race([once(child.stdout, "data"), exited]);
      output = "";
    };
    try {
      await until(/store\n/);
      await server.stop();
      await until(/failClosed\n/);
      await sleep(500);
      server = await startRedis({ port });
      await until(/store\n/);
    } finally {
      child.kill("SIGKILL");
      await server.stop();
    }
  });
});

/** Returns a port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** The messages of an error and its causes. */
function messagesOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause === undefined ? message : `${message} < ${messagesOf(cause)}`;
}

describe("a refused connection", () => {
  it.each(Object.entries(connectors))("is the cause of the decision's error, with %s", async (_, connect) => {
    const connection = await connect(await closedPort());
    try {
      const limiter = createLimiter({
        store: redisStore({ client: connection.client }),
        policies: fixedWindow({ limit: 10, window: "1h" }),
        timeout: 300,
        on: { storeError() {} },
      });
      const { error } = await limiter.consume("somebody");
      expect(error).toMatchObject({ name: "SluiceError" });
      expect(messagesOf(error)).toContain("ECONNREFUSED");
    } finally {
      connection.end();
    }
  });

  it("is also reported for clients that fail immediately", async () => {
    const port = await closedPort();
    const failing = new Redis({ port, maxRetriesPerRequest: 0, retryStrategy: () => 50 });
    const offline = createClient({ socket: { host: "127.0.0.1", port }, disableOfflineQueue: true });
    try {
      const stores = [failing, offline].map((client) => redisStore({ client }));
      void offline.connect().catch(() => {});
      await sleep(200);
      for (const store of stores) {
        const error: unknown = await store.atomicUpdate("a", () => undefined).catch((failure: unknown) => failure);
        expect(error).toMatchObject({ code: "STORE_FAILED", cause: { code: "ECONNREFUSED" } });
        expect((error as Error).message).toContain("ECONNREFUSED");
        expect(store.connectionError()).toMatchObject({ code: "ECONNREFUSED" });
      }
    } finally {
      failing.disconnect();
      offline.destroy();
    }
  });

  it("is forgotten after the server answers", async () => {
    const server = await startRedis();
    const client = new Redis({ port: server.port, maxRetriesPerRequest: null });
    try {
      const store = redisStore({ client });
      await store.healthCheck();
      client.emit("error", new Error("broken"));
      expect(store.connectionError()).toMatchObject({ message: "broken" });
      await store.healthCheck();
      expect(store.connectionError()).toBeUndefined();
    } finally {
      client.disconnect();
      await server.stop();
    }
  });

  it("adds only one listener to a client, even with many stores", () => {
    const client = new Redis({ lazyConnect: true });
    for (let i = 0; i < 20; i++) redisStore({ client });
    expect(client.listenerCount("error")).toBe(1);
  });
});
