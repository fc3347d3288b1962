import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { asynchronous } from "@sluice/core/store";
import { memoryStore } from "@sluice/store-memory";
import { type Context, Hono } from "hono";
import { handle } from "hono/aws-lambda";
import type { GetConnInfo } from "hono/conninfo";
import { afterEach, expect, it, vi } from "vitest";
import { behindProxies, createLimiter, fixedWindow, rateLimit, type Store } from "../src/index.js";

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function listening(app: { fetch: Hono["fetch"] }, path?: string): Promise<Server> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
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

/** An app that answers `ok`, and the errors that reach it. */
function appOf(use: (app: Hono) => void): { app: Hono; errors: unknown[] } {
  const app = new Hono();
  const errors: unknown[] = [];
  use(app);
  app.get("*", (c) => c.text("ok"));
  app.onError((error, c) => {
    errors.push(error);
    return c.text("failed", 500);
  });
  return { app, errors };
}

it.each([
  ["a list", ["unix"]],
  ["a function", (address: string) => address === "unix"],
] as const)("limits clients behind a proxy on a Unix socket, trusted by %s", async (_, trustProxy) => {
  const { app } = appOf((app) =>
    app.use(rateLimit(memoryStore(), once1h, { getConnInfo: behindProxies(getConnInfo, { trustProxy }) })),
  );
  const path = await socketPath();
  await listening(app, path);
  const from = (address: string) => statusOf(path, { "x-forwarded-for": address });
  expect([await from("192.0.2.1"), await from("6.6.6.6, 192.0.2.1:80"), await from("192.0.2.2")]).toEqual([
    200, 429, 200,
  ]);
});

it("accepts ports and brackets in addresses from the runtime and from proxies", async () => {
  let peer = "192.0.2.1:40000";
  const connected: GetConnInfo = () => ({ remote: { address: peer } });
  const { app } = appOf((app) => {
    app.use("/alone", rateLimit(memoryStore(), once1h, { getConnInfo: connected }));
    const proxied = behindProxies(connected, { trustProxy: ["10.0.0.0/8"], proxyHeader: "forwarded" });
    app.use("/forwarded", rateLimit(memoryStore(), once1h, { getConnInfo: proxied }));
  });
  const statusFrom = async (path: string, address: string, forwarded = "") => {
    peer = address;
    return (await app.request(path, { headers: { forwarded } })).status;
  };
  vi.spyOn(console, "warn").mockImplementation(() => {});
  expect(await statusFrom("/alone", "192.0.2.1:40000")).toBe(200);
  expect(await statusFrom("/alone", "[::ffff:192.0.2.1]:40001")).toBe(429);
  expect(await statusFrom("/forwarded", "10.0.0.1:5000", "for=192.0.2.1")).toBe(200);
  expect(await statusFrom("/forwarded", "[::ffff:10.0.0.1]:5001", 'for="x, junk;, For="192.0.2.1:80"')).toBe(429);
  expect(await statusFrom("/forwarded", "192.0.2.1:99", "for=192.0.2.3")).toBe(429);
});

it.each(["error", "shared"] as const)("ends the request of a client that has left (%s)", async (unusableAddress) => {
  const warn = vi.spyOn(console, "warn");
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  for (const trustProxy of [[], () => true]) {
    const reached: string[] = [];
    const limiter = createLimiter({ store: memoryStore(), policies: once1h });
    const { app, errors } = appOf((app) => {
      app.use(async (c: Context, next) => {
        reached.push("limiter");
        const { socket } = (c.env as { incoming: IncomingMessage }).incoming;
        if (c.req.path === "/destroyed") socket.destroy();
        // The peer has reset the connection, but no event has reported it yet.
        if (c.req.path === "/reset") Object.defineProperty(socket, "remoteAddress", { value: undefined });
        await new Promise((resolve) => setImmediate(resolve));
        await next();
      });
      app.use(rateLimit(limiter, { getConnInfo: behindProxies(getConnInfo, { trustProxy }), unusableAddress }));
      app.use(async (c) => {
        reached.push("route");
        return c.text("reached");
      });
    });
    const port = portOf(await listening(app));
    for (const path of ["/destroyed", "/reset"]) {
      const socket = connect(port, "127.0.0.1").on("error", () => {});
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n`);
      await expect.poll(() => reached.length).toBe(path === "/reset" ? 2 : 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.destroy();
    }
    expect([reached, errors, error.mock.calls]).toEqual([["limiter", "limiter"], [], []]);
    expect(warn.mock.calls.filter(([text]) => !String(text).includes("EVERY_PROXY_TRUSTED"))).toEqual([]);
    for (const key of ["unusable-address", "6.6.6.6"]) expect((await limiter.peek(key)).remaining).toBe(1);
  }
});

it("settles once, before the handler of AWS Lambda resolves, even without a body", async () => {
  for (const store of [memoryStore(), slowStore()]) {
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 5, window: "1h" }) });
    const outcomes: unknown[] = [];
    const refundWhen = (outcome: object) => outcomes.push(outcome) > 0;
    const app = new Hono();
    app.use(rateLimit(limiter, { key: () => "somebody", refundWhen }));
    app.get("/", (c) => c.text("no", 404));
    app.get("/empty", (c) => c.body(null, 204));
    const handler = handle(app);
    for (const [path, status] of [
      ["/", 404],
      ["/empty", 204],
    ] as const) {
      const event = {
        version: "1.0",
        httpMethod: "GET",
        path,
        headers: {},
        multiValueHeaders: {},
        body: null,
        isBase64Encoded: false,
        queryStringParameters: null,
        requestContext: { domainName: "localhost" },
      };
      const answer = (await handler(event as never)) as { statusCode: number };
      expect(answer.statusCode).toBe(status);
      expect((await limiter.peek("somebody")).remaining).toBe(5);
    }
    expect(outcomes).toEqual([
      { status: 404, aborted: false, error: undefined },
      { status: 204, aborted: false, error: undefined },
    ]);
  }
});
