import { once } from "node:events";
import { createServer, get, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { asynchronous } from "@sluice/core/store";
import { memoryStore } from "@sluice/store-memory";
import express5, { type Request } from "express";
import express4 from "express4";
import { afterEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  createLimiter,
  type Decision,
  type DenialHandler,
  decisionOf,
  fixedWindow,
  type LimitDenial,
  type RateLimitOptions,
  rateLimit,
  type Store,
} from "../src/index.js";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function listen(app: RequestListener, host = "127.0.0.1"): Promise<number> {
  const server = createServer(app).listen(0, host);
  await once(server, "listening");
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return (server.address() as AddressInfo).port;
}

const versions = [
  ["Express 5", express5],
  ["Express 4", express4 as unknown as typeof express5],
] as const;

/** A store that answers only after `release`. */
function heldStore(): { store: Store; release: () => void } {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const inner = memoryStore();
  const store: Store = {
    asynchronous,
    atomicUpdate: (...args) => released.then(() => inner.atomicUpdate(...args)),
    delete: (key) => inner.delete(key),
    close: () => inner.close(),
  };
  return { store, release };
}

describe.each(versions)("%s", (_, express) => {
  it("needs only a store", async () => {
    const app = express();
    app.use(rateLimit(memoryStore()));
    app.get("/", (_req, res) => res.send("ok"));
    const response = await fetch(`http://127.0.0.1:${await listen(app)}/`);
    expect(response.headers.get("ratelimit")).toBe('"default";r=99;t=1');
    expect(await response.text()).toBe("ok");
  });

  it("answers in the same turn with a store in memory", async () => {
    const app = express();
    const order: string[] = [];
    app.use((_req, _res, next) => {
      queueMicrotask(() => order.push("a turn later"));
      next();
    });
    app.use(rateLimit(memoryStore()));
    app.get("/", (_req, res) => {
      order.push("route");
      res.send("ok");
    });
    await fetch(`http://127.0.0.1:${await listen(app)}/`);
    expect(order).toEqual(["route", "a turn later"]);
  });

  // Only Linux has all of 127.0.0.0/8 without set-up.
  it.skipIf(process.platform !== "linux")("keeps IPv4 clients apart on a dual-stack socket", async () => {
    const app = express();
    const addresses: (string | undefined)[] = [];
    app.use((req, _res, next) => {
      addresses.push(req.ip);
      next();
    });
    app.use(rateLimit(memoryStore(), fixedWindow({ limit: 1, window: "1h" })));
    app.get("/", (_req, res) => res.send("ok"));
    const port = await listen(app, "::");
    const status = async (localAddress: string, host = "127.0.0.1") => {
      const [response] = await once(get({ host, port, localAddress, agent: false }), "response");
      return response.resume().statusCode;
    };
    expect([await status("127.0.0.1"), await status("127.0.0.1")]).toEqual([200, 429]);
    expect([await status("127.0.0.2"), await status("127.0.0.2")]).toEqual([200, 429]);
    expect([await status("::1", "::1"), await status("::1", "::1")]).toEqual([200, 429]);
    expect(addresses[0]).toBe("::ffff:127.0.0.1");
  });

  it("keeps the fields if a value that is not an error is thrown", async () => {
    const app = express();
    app.use(rateLimit(memoryStore()));
    app.use(() => {
      throw "text";
    });
    const response = await fetch(`http://127.0.0.1:${await listen(app)}/`);
    expect([response.status, response.headers.get("ratelimit")]).toEqual([500, '"default";r=99;t=1']);
  });

  it("does not change a response that was sent while the store decided", async () => {
    const { store, release } = heldStore();
    const app = express();
    const reached: string[] = [];
    app.use((_req, res, next) => {
      res.status(504).send("too late");
      next();
    });
    app.use(rateLimit(store, fixedWindow({ limit: 1, window: "1h" })));
    app.use((_req, _res) => reached.push("route"));
    const errors: unknown[] = [];
    app.use(((error, _req, _res, next) => {
      errors.push(error);
      next(error);
    }) as express5.ErrorRequestHandler);
    const port = await listen(app);
    const responses = await Promise.all([fetch(`http://127.0.0.1:${port}/`), fetch(`http://127.0.0.1:${port}/`)]);
    expect(responses.map(({ status }) => status)).toEqual([504, 504]);
    release();
    await expect.poll(() => reached).toEqual(["route"]);
    expect(errors).toEqual([]);
  });

  it.each([
    ["rejects, with an asynchronous store", () => Promise.reject(new Error("handler")), true],
    ["rejects", () => Promise.reject(new Error("handler")), false],
    [
      "throws",
      () => {
        throw new Error("handler");
      },
      false,
    ],
  ] as const)("passes on errors if a rejection handler %s", async (_what, fail, slow) => {
    const app = express();
    const { store, release } = heldStore();
    release();
    const policies = fixedWindow({ limit: 1, window: "1h" });
    const handler: DenialHandler<LimitDenial> = fail;
    app.use(rateLimit(slow ? store : memoryStore(), policies, { handler }));
    app.get("/", (_req, res) => res.send("ok"));
    app.use(((error, _req, res, _next) => {
      res.status(500).send(error.message);
    }) as express5.ErrorRequestHandler);
    const port = await listen(app);
    await fetch(`http://127.0.0.1:${port}/`);
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, await response.text()]).toEqual([500, "handler"]);
  });

  it("lets a rejection handler continue to the route", async () => {
    const app = express();
    const policies = fixedWindow({ limit: 1, window: "1h" });
    const handler: DenialHandler<LimitDenial> = (_req, res, next, denial) => {
      res.status(200).setHeader("X-Would-Be", denial.status);
      next();
    };
    app.use(rateLimit(memoryStore(), policies, { handler }));
    app.get("/", (_req, res) => res.send("ok"));
    const port = await listen(app);
    await fetch(`http://127.0.0.1:${port}/`);
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, response.headers.get("x-would-be")]).toEqual([200, "429"]);
  });

  it("warns once per process of middleware that is created in a handler", async () => {
    vi.resetModules();
    const fresh = await import("../src/index.js");
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const app = express();
    app.use((req, res, next) => fresh.rateLimit(memoryStore())(req, res, next));
    app.get("/", (_req, res) => res.send("ok"));
    const port = await listen(app);
    for (let i = 0; i < 3; i++) await fetch(`http://127.0.0.1:${port}/`);
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/MADE_IN_HANDLER.*docs\/errors/)]]);
    warn.mockRestore();
  });

  it("limits a router and a single route", async () => {
    const app = express();
    const limiter = createLimiter({ store: memoryStore(), policies: fixedWindow({ limit: 1, window: "1h" }) });
    const api = express.Router();
    api.use(rateLimit(limiter));
    api.get("/a", (_req, res) => res.send("a"));
    app.use("/api", api);
    app.get("/login", rateLimit(limiter), (_req, res) => res.send("login"));
    app.get("/free", (_req, res) => res.send("free"));
    const port = await listen(app);
    const statuses: number[] = [];
    for (const path of ["/api/a", "/login", "/free"]) {
      statuses.push((await fetch(`http://127.0.0.1:${port}${path}`)).status);
    }
    expect(statuses).toEqual([200, 429, 200]);
  });
});

describe.each(versions)("the decision on the request, %s", (_, express) => {
  const remainingOf = (value: unknown): unknown => (value as Decision | undefined)?.remaining;

  it("is set in a mounted app and after it, and is not an own property of the request", async () => {
    const [app, mounted] = [express(), express()];
    const seen: unknown[] = [];
    mounted.use(rateLimit(memoryStore(), fixedWindow({ limit: 5, window: "1h" })));
    mounted.use((req, _res, next) => {
      seen.push(decisionOf(req)?.remaining, Object.hasOwn(req, "rateLimit"));
      next();
    });
    app.use("/api", mounted);
    app.use((req, res) => {
      seen.push(decisionOf(req)?.remaining);
      res.end();
    });
    const url = `http://127.0.0.1:${await listen(app)}`;
    await fetch(`${url}/api`);
    await fetch(`${url}/api`);
    await fetch(`${url}/elsewhere`);
    expect(seen).toEqual([4, false, 4, 3, false, 3, undefined]);
  });

  it("is that of the last limiter, and separate for each request", async () => {
    const app = express();
    const store = memoryStore();
    const policies = fixedWindow({ limit: 9, window: "1h" });
    const limit = (prefix: string) => rateLimit(store, policies, { prefix, requestProperty: "quota" });
    const seen: unknown[] = [];
    app.use((req: Request & { quota?: unknown }, _res, next) => {
      seen.push(req.quota);
      if (seen.length === 1) req.quota = "set before there was a limiter";
      next();
    });
    app.use(limit("one"), limit("two"));
    app.use((req: Request & { quota?: unknown }, res) => {
      seen.push(remainingOf(req.quota));
      req.quota = "mine";
      res.json(req.quota);
    });
    const url = `http://127.0.0.1:${await listen(app)}/`;
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await (await fetch(url)).json());
    expect(seen).toEqual([undefined, 8, undefined, 7, undefined, 6]);
    expect(answers).toEqual(["mine", "mine", "mine"]);
  });

  it("does not replace Express's own properties", async () => {
    const app = express();
    app.use(rateLimit(memoryStore(), { requestProperty: "baseUrl" }));
    app.get("/", (req, res) => {
      res.json([Object.hasOwn(req, "baseUrl"), "baseUrl" in Object.getPrototypeOf(req)]);
    });
    const response = await fetch(`http://127.0.0.1:${await listen(app)}/`);
    expect(await response.json()).toEqual([true, false]);
  });
});

describe("the API", () => {
  it("accepts Express's request in decisionOf", () => {
    expectTypeOf(decisionOf).toBeCallableWith({} as Request);
    expectTypeOf(decisionOf).returns.toEqualTypeOf<Decision | undefined>();
  });

  it("passes Express's request to the functions of the options", () => {
    expectTypeOf<NonNullable<RateLimitOptions["key"]>>().parameter(0).toEqualTypeOf<Request>();
    expectTypeOf<NonNullable<RateLimitOptions["skip"]>>().parameter(0).toEqualTypeOf<Request>();
    expectTypeOf<Exclude<RateLimitOptions["cost"], number | undefined>>().parameter(0).toEqualTypeOf<Request>();
  });

  it("returns middleware of Express's type", () => {
    expectTypeOf(rateLimit).returns.toEqualTypeOf<express5.RequestHandler>();
  });

  it("names the middleware, for traces", () => {
    expect(rateLimit(memoryStore()).name).toBe("rateLimit");
  });
});
