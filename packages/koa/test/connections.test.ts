import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { asynchronous } from "@sluice/core/store";
import { memoryStore } from "@sluice/store-memory";
import koa3 from "koa";
import koa2 from "koa2";
import serverless from "serverless-http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createLimiter, fixedWindow, rateLimit, type Store } from "../src/index.js";
import { registeredClientOf, requireRegistered } from "../src/protections.js";

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function listening(listener: RequestListener, path?: string): Promise<Server> {
  const server = createServer(listener);
  await once(path === undefined ? server.listen(0, "127.0.0.1") : server.listen(path), "listening");
  closing.push(() => {
    server.closeAllConnections();
    return once(server.close(), "close");
  });
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Returns the path of a Unix socket, which is removed after the test. */
async function socketPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-"));
  closing.push(() => rm(folder, { recursive: true }));
  return join(folder, "app.sock");
}

async function statusOf(socketPath: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  const [response] = (await once(request({ socketPath, headers }).end(), "response")) as [IncomingMessage];
  await once(response.resume(), "end");
  return response.statusCode;
}

/** A store whose calls take 5 ms, as over a network. */
function slowStore(): Store {
  const inner = memoryStore();
  const aWhile = () => new Promise((resolve) => setTimeout(resolve, 5));
  return {
    asynchronous,
    atomicUpdate: (...args) => aWhile().then(() => inner.atomicUpdate(...args)),
    delete: (key) => inner.delete(key),
    close: () => inner.close(),
  };
}

const once1h = fixedWindow({ limit: 1, window: "1h" });

const versions = [
  ["Koa 3", koa3],
  ["Koa 2", koa2 as unknown as typeof koa3],
] as const;

describe.each(versions)("%s", (_, App) => {
  it("limits clients behind a proxy on a Unix socket", async () => {
    const app = new App({ proxy: true, maxIpsCount: 1 });
    app.use(rateLimit(memoryStore(), once1h)).use((ctx) => {
      ctx.body = "ok";
    });
    const path = await socketPath();
    await listening(app.callback(), path);
    const from = (address: string) => statusOf(path, { "x-forwarded-for": address });
    expect([await from("192.0.2.1"), await from("192.0.2.1:80"), await from("192.0.2.2")]).toEqual([200, 429, 200]);
  });

  it("reads the field that the app names, with ports and empty elements", async () => {
    const app = new App({ proxy: true, proxyIpHeader: "X-Client", maxIpsCount: 2 });
    app.use(rateLimit(memoryStore(), once1h)).use((ctx) => {
      ctx.body = "ok";
    });
    const url = `http://127.0.0.1:${portOf(await listening(app.callback()))}`;
    const from = async (value: string) => (await fetch(url, { headers: { "x-client": value } })).status;
    expect(await from("6.6.6.6, 192.0.2.1, 10.0.0.8")).toBe(200);
    expect(await from("[192.0.2.1]:80,, 10.0.0.8:1, ")).toBe(429);
    expect(await from(", ,")).toBe(200);
    expect(await from("")).toBe(429);
  });

  it.each(["error", "shared"] as const)("ends the request of a client that has left (%s)", async (unusableAddress) => {
    const warn = vi.spyOn(console, "warn");
    const reached: string[] = [];
    const errors: unknown[] = [];
    const limiter = createLimiter({ store: memoryStore(), policies: once1h });
    const app = new App();
    app.on("error", (error) => errors.push(error));
    app.use(async (ctx, next) => {
      reached.push("limiter");
      if (ctx.path === "/destroyed") ctx.req.socket.destroy();
      // The peer has reset the connection, but no event has reported it yet.
      if (ctx.path === "/reset") Object.defineProperty(ctx.req.socket, "remoteAddress", { value: undefined });
      await new Promise((resolve) => setImmediate(resolve));
      await next();
    });
    app.use(rateLimit(limiter, { unusableAddress })).use(() => void reached.push("route"));
    const port = portOf(await listening(app.callback()));
    for (const path of ["/destroyed", "/reset"]) {
      const socket = connect(port, "127.0.0.1").on("error", () => {});
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await expect.poll(() => reached.length).toBe(path === "/reset" ? 2 : 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.destroy();
    }
    expect([reached, errors, warn.mock.calls]).toEqual([["limiter", "limiter"], [], []]);
    expect((await limiter.peek("unusable-address")).remaining).toBe(1);
  });

  it("has no registered client if requireRegistered is skipped", async () => {
    const app = new App();
    const seen: unknown[] = [];
    app.use(requireRegistered(memoryStore(), { id: () => undefined, skip: () => true })).use((ctx) => {
      seen.push(registeredClientOf(ctx), ctx.state.client, ctx.req.socket === (ctx.req as { client?: unknown }).client);
      ctx.body = "ok";
    });
    await fetch(`http://127.0.0.1:${portOf(await listening(app.callback()))}`);
    expect(seen).toEqual([undefined, undefined, true]);
  });

  it("settles once, before the handler of a serverless platform resolves", async () => {
    for (const store of [memoryStore(), slowStore()]) {
      const limiter = createLimiter({ store, policies: fixedWindow({ limit: 5, window: "1h" }) });
      const outcomes: unknown[] = [];
      const refundWhen = (outcome: object) => outcomes.push(outcome) > 0;
      const app = new App();
      app.on("error", () => {});
      const failure = new Error("route");
      app.use(rateLimit(limiter, { key: () => "somebody", refundWhen })).use((ctx) => {
        if (ctx.path === "/fail") throw failure;
        ctx.body = ctx.path === "/stream" ? Readable.from(["one,", "two"]) : "ok";
      });
      const handle = serverless(app);
      for (const [path, status, body] of [
        ["/", 200, "ok"],
        ["/stream", 200, "one,two"],
        ["/fail", 500, "Internal Server Error"],
      ] as const) {
        const event = { httpMethod: "GET", path, headers: {}, requestContext: {} };
        const answer = (await handle(event, {})) as { statusCode: number; body: string; isBase64Encoded: boolean };
        const text = answer.isBase64Encoded ? Buffer.from(answer.body, "base64").toString() : answer.body;
        expect([answer.statusCode, text]).toEqual([status, body]);
        expect((await limiter.peek("somebody")).remaining).toBe(5);
      }
      expect(outcomes).toEqual([
        { status: 200, aborted: false, error: undefined },
        { status: 200, aborted: false, error: undefined },
        { status: 500, aborted: false, error: failure },
      ]);
    }
  });
});
