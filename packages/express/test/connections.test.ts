import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, IncomingMessage, type RequestListener, request, type Server, ServerResponse } from "node:http";
import { type AddressInfo, connect, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { asynchronous } from "@sluice/core/store";
import { memoryStore } from "@sluice/store-memory";
import express5, { type Express, type Request, type Response } from "express";
import express4 from "express4";
import serverless from "serverless-http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createLimiter, fixedWindow, type Limiter, rateLimit, type Store } from "../src/index.js";
import { requireRegistered } from "../src/protections.js";

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
  ["Express 5", express5],
  ["Express 4", express4 as unknown as typeof express5],
] as const;

describe.each(versions)("%s", (_, express) => {
  /** An app that answers `ok`, and the errors that reach it. */
  function appOf(use: (app: Express) => void): { app: Express; errors: unknown[] } {
    const app = express();
    const errors: unknown[] = [];
    use(app);
    app.use((_req, res) => void res.end("ok"));
    const keep: express5.ErrorRequestHandler = (error, _req, res, _next) => {
      errors.push(error);
      res.status(500).end();
    };
    app.use(keep);
    return { app, errors };
  }

  it("limits clients behind a proxy on a Unix socket", async () => {
    const { app } = appOf((app) => app.set("trust proxy", 1).use(rateLimit(memoryStore(), once1h)));
    const path = await socketPath();
    await listening(app, path);
    const from = (address: string) => statusOf(path, { "x-forwarded-for": address });
    expect([await from("192.0.2.1"), await from("192.0.2.1:80"), await from("192.0.2.2")]).toEqual([200, 429, 200]);
  });

  it("recognises a trusted proxy by its address even if a port follows", async () => {
    const { app } = appOf((app) => {
      app.set("trust proxy", ["loopback", "10.0.0.0/8"]).use(rateLimit(memoryStore(), once1h));
    });
    const url = `http://127.0.0.1:${portOf(await listening(app))}`;
    const from = async (value: string) => (await fetch(url, { headers: { "x-forwarded-for": value } })).status;
    expect(await from("192.0.2.1:1, 10.0.0.8:5000")).toBe(200);
    expect(await from("junk, 192.0.2.1:2, [::ffff:10.0.0.9]:5001, ")).toBe(429);
    expect(await from("192.0.2.2:1, 10.0.0.8:5000")).toBe(200);
  });

  it.each(["error", "shared"] as const)("ends the request of a client that has left (%s)", async (unusableAddress) => {
    const warn = vi.spyOn(console, "warn");
    const reached: string[] = [];
    const limiter = createLimiter({ store: memoryStore(), policies: once1h });
    const { app, errors } = appOf((app) => {
      app.use((req, _res, next) => {
        reached.push("limiter");
        if (req.url === "/destroyed") req.socket.destroy();
        // The peer has reset the connection, but no event has reported it yet.
        if (req.url === "/reset") Object.defineProperty(req.socket, "remoteAddress", { value: undefined });
        setImmediate(next);
      });
      app.use(rateLimit(limiter, { unusableAddress }));
      app.use((_req, res) => {
        reached.push("route");
        res.end();
      });
    });
    const port = portOf(await listening(app));
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

  it("warns of Cloudflare's field if no proxy is trusted", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { app } = appOf((app) => app.use(rateLimit(memoryStore(), { name: "login" })));
    const url = `http://127.0.0.1:${portOf(await listening(app))}`;
    await fetch(url, { headers: { "cf-connecting-ip": "127.0.0.1" } });
    expect(warn.mock.calls).toEqual([]);
    await fetch(url, { headers: { "cf-connecting-ip": "192.0.2.1" } });
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/FORWARDING_IGNORED.*cf-connecting-ip/)]]);
  });

  it("does not change Node's own req.client", async () => {
    const store = memoryStore();
    const seen: unknown[] = [];
    const { app } = appOf((app) => {
      app.use(requireRegistered(store, { id: () => undefined, skip: () => true }));
      app.use((req: Request & { client?: unknown; registeredClient?: unknown }, _res, next) => {
        seen.push(req.client === req.socket, req.registeredClient);
        next();
      });
    });
    await fetch(`http://127.0.0.1:${portOf(await listening(app))}`);
    expect(seen).toEqual([true, undefined]);
  });

  it("settles once, before the handler of a serverless platform resolves", async () => {
    for (const store of [memoryStore(), slowStore()]) {
      const limiter = createLimiter({ store, policies: fixedWindow({ limit: 5, window: "1h" }) });
      let asked = 0;
      const refundWhen = ({ status, aborted }: { status: number; aborted: boolean }) => {
        asked++;
        return status === 404 && !aborted;
      };
      const app = express();
      app.use(rateLimit(limiter, { key: () => "somebody", refundWhen }));
      app.get("/", (_req, res: Response) => void res.status(404).json({ no: "such thing" }));
      app.get("/piece", (_req, res: Response) => {
        res.statusCode = 404;
        res.write("one,");
        res.end("two", () => {});
        res.end();
      });
      const handle = serverless(app);
      for (const [path, body] of [
        ["/", '{"no":"such thing"}'],
        ["/piece", "one,two"],
      ] as const) {
        const event = { httpMethod: "GET", path, headers: {}, requestContext: {} };
        const answer = (await handle(event, {})) as { statusCode: number; body: string };
        expect([answer.statusCode, answer.body]).toEqual([404, body]);
        expect((await limiter.peek("somebody")).remaining).toBe(5);
      }
      expect(asked).toBe(2);
    }
  });

  it("settles a response whose socket is a mere stream, as in light-my-request", async () => {
    const limiter = createLimiter({ store: slowStore(), policies: fixedWindow({ limit: 5, window: "1h" }) });
    const { app } = appOf((app) => {
      app.use(
        rateLimit(limiter, { key: () => "somebody", refundWhen: ({ status, aborted }) => status === 200 && !aborted }),
      );
    });
    const req = Object.assign(new IncomingMessage(new Socket()), { method: "GET", url: "/" });
    const res = new ServerResponse(req);
    res.assignSocket(new Writable({ write: (_chunk, _encoding, done) => void setImmediate(done) }) as Socket);
    // Emits the end immediately, before anything has been written.
    const { end } = res;
    res.end = ((...args: []) => {
      Reflect.apply(end, res, args);
      res.emit("finish");
      res.emit("close");
      return res;
    }) as typeof res.end;
    app(req, res);
    await once(res, "finish");
    expect((await limiter.peek("somebody")).remaining).toBe(5);
  });
});

describe("without Express", () => {
  function plain(limit: ReturnType<typeof rateLimit>, errors: unknown[]): RequestListener {
    return (req, res) => {
      limit(req as Request, res as Response, (error) => {
        if (error !== undefined) errors.push(error);
        res.statusCode = error === undefined ? 200 : 500;
        res.end();
      });
    };
  }

  it("limits by the address of the connection", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const errors: unknown[] = [];
    const server = await listening(plain(rateLimit(memoryStore(), once1h), errors));
    const url = `http://127.0.0.1:${portOf(server)}`;
    const forged = { headers: { "x-forwarded-for": "192.0.2.1" } };
    expect([(await fetch(url)).status, (await fetch(url, forged)).status]).toEqual([200, 429]);
    expect([errors, warn.mock.calls.length]).toEqual([[], 1]);
  });

  it("passes errors to next, even synchronous ones", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const errors: unknown[] = [];
    const path = await socketPath();
    await listening(plain(rateLimit(memoryStore()), errors), path);
    expect(await statusOf(path)).toBe(500);
    expect(errors).toEqual([expect.objectContaining({ code: "CLIENT_ADDRESS_UNUSABLE" })]);
  });
});

it("refuses Node's own properties as requestProperty", () => {
  const limiter: Limiter = createLimiter({ store: memoryStore() });
  const refused = expect.objectContaining({ code: "INVALID_OPTION" });
  const names = ["client", "on", "pipe", "destroy", "setTimeout"].concat(
    Object.keys(new IncomingMessage(new Socket())).filter((name) => !name.startsWith("_")),
  );
  for (const requestProperty of names) {
    expect(() => rateLimit(limiter, { requestProperty }), requestProperty).toThrow(refused);
    expect(() => requireRegistered(memoryStore(), { id: () => "x", requestProperty }), requestProperty).toThrow(
      refused,
    );
  }
  expect(() => rateLimit(limiter, { requestProperty: "customer" })).not.toThrow();
});
