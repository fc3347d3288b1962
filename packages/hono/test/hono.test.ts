import { once } from "node:events";
import { get, type ServerResponse } from "node:http";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { memoryStore } from "@sluice/store-memory";
import { type Context, type Env, type Handler, Hono, type MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { streamText } from "hono/streaming";
import { afterEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  behindProxies,
  createLimiter,
  type Decision,
  decisionOf,
  fixedWindow,
  guard,
  limit,
  type ResponseOutcome,
  rateLimit,
} from "../src/index.js";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function listen(app: Hono, hostname = "127.0.0.1", createServer?: typeof createHttp2Server): Promise<number> {
  const server = createAdaptorServer({ fetch: app.fetch, ...(createServer && { createServer }) }).listen(0, hostname);
  await once(server, "listening");
  closing.push(async () => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return (server.address() as AddressInfo).port;
}

const once1h = fixedWindow({ limit: 1, window: "1h" });
const key = () => "somebody";

describe("rateLimit", () => {
  it("refuses to guess the client", () => {
    expect(() => rateLimit(memoryStore())).toThrow(
      expect.objectContaining({ code: "CONN_INFO_MISSING", message: expect.stringContaining("getConnInfo") }),
    );
    expect(() => rateLimit(memoryStore(), { key })).not.toThrow();
    expect(() => rateLimit(memoryStore(), { getConnInfo })).not.toThrow();
  });

  it("limits with a store and getConnInfo", async () => {
    const app = new Hono();
    app.use(rateLimit(memoryStore(), { getConnInfo }));
    app.get("/", (c) => c.text(`${decisionOf(c)?.remaining} left`));
    const response = await fetch(`http://127.0.0.1:${await listen(app)}/`);
    expect(response.headers.get("ratelimit")).toBe('"default";r=99;t=1');
    expect(await response.text()).toBe("99 left");
  });

  it("has no address if getConnInfo returns none", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    for (const info of [undefined, {}, { remote: {} }, Promise.resolve({ remote: { address: "192.0.2.1" } })]) {
      const app = new Hono();
      app.use(rateLimit(memoryStore(), { getConnInfo: () => info as never }));
      app.onError((error, c) => c.text((error as Error & { code?: string }).code ?? "", 500));
      expect(await (await app.request("/")).text()).toBe("CLIENT_ADDRESS_UNUSABLE");
    }
    warn.mockRestore();
  });

  it("answers in the same turn with a store in memory", async () => {
    const app = new Hono();
    const order: string[] = [];
    app.use((_c, next) => {
      queueMicrotask(() => order.push("a turn later"));
      return next();
    });
    app.use(rateLimit(memoryStore(), { key }));
    app.get("/", (c) => {
      order.push("route");
      return c.text("ok");
    });
    await app.request("/");
    expect(order).toEqual(["route", "a turn later"]);
  });

  // Only Linux has all of 127.0.0.0/8 without set-up.
  it.skipIf(process.platform !== "linux")("keeps IPv4 clients apart on a dual-stack socket", async () => {
    const app = new Hono();
    const addresses: (string | undefined)[] = [];
    app.use((c, next) => {
      addresses.push(getConnInfo(c).remote.address);
      return next();
    });
    app.use(rateLimit(memoryStore(), once1h, { getConnInfo }));
    app.get("/", (c) => c.text("ok"));
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

  it("needs no ExecutionContext and no environment", async () => {
    const app = new Hono();
    app.use(rateLimit(memoryStore(), once1h, { key }));
    app.get("/", (c) => c.text("ok"));
    expect([(await app.request("/")).status, (await app.request("/")).status]).toEqual([200, 429]);
  });

  it("refuses trustProxy with a hint at behindProxies", () => {
    const options = { getConnInfo: () => ({ remote: {} }), trustProxy: ["10.0.0.0/8"] };
    for (const make of [() => rateLimit(memoryStore(), options), () => guard([limit(memoryStore())], options)]) {
      expect(make).toThrow(expect.objectContaining({ code: "UNKNOWN_OPTION" }));
      expect(make).toThrow("behindProxies(getConnInfo, { trustProxy }) in Hono");
    }
    const { getConnInfo } = options;
    const misspelt = { trustproxy: ["10.0.0.0/8"] };
    expect(() => behindProxies(getConnInfo, { trustProxy: ["10.0.0.0/33"] })).toThrow('option "trustProxy"');
    expect(() => behindProxies(getConnInfo, misspelt as object)).toThrow('did you mean "trustProxy"?');
    expect(() => behindProxies(getConnInfo, undefined as never)).toThrow('option "options"');
    expect(() => behindProxies(undefined as never, {})).toThrow('option "getConnInfo"');
  });

  it("finds the client behind the configured proxies", async () => {
    const app = new Hono();
    let peer = "10.0.0.1";
    const connected = () => ({ remote: { address: peer } });
    const behind = (proxyHeader?: "forwarded") =>
      rateLimit(memoryStore(), once1h, {
        getConnInfo: behindProxies(connected, { trustProxy: ["10.0.0.0/8"], proxyHeader }),
      });
    app.use("/xff", behind());
    app.use("/forwarded", behind("forwarded"));
    app.get("*", (c) => c.text("ok"));
    const status = async (path: string, headers: Record<string, string>) => {
      return (await app.request(path, { headers })).status;
    };
    for (const [path, name, prefix] of [
      ["/xff", "x-forwarded-for", ""],
      ["/forwarded", "forwarded", "for="],
    ] as const) {
      peer = "10.0.0.1";
      expect(await status(path, { [name]: `${prefix}192.0.2.1` })).toBe(200);
      expect(await status(path, { [name]: `${prefix}6.6.6.6, ${prefix}192.0.2.1, ${prefix}10.9.9.9` })).toBe(429);
      peer = "203.0.113.5";
      expect(await status(path, { [name]: `${prefix}192.0.2.2` })).toBe(200);
      expect(await status(path, { [name]: `${prefix}192.0.2.3` })).toBe(429);
    }
  });
});

describe("sends the fields of all limiters", () => {
  const answers: readonly (readonly [what: string, status: number, route: Handler])[] = [
    ["on a raw Response", 200, () => new Response("raw")],
    ["on a raw Response that comes later", 200, async () => new Response("raw", { headers: { "X-Own": "1" } })],
    ["on a Response whose headers can't change", 302, () => Response.redirect("http://localhost/elsewhere", 302)],
    ["on a stream", 200, (c) => streamText(c, async (stream) => void (await stream.write("part")))],
    ["on a raw stream", 200, () => new Response(new Blob(["part"]).stream())],
    ["on a 404", 404, (c) => c.notFound()],
    [
      "on an HTTPException",
      403,
      () => {
        throw new HTTPException(403, { message: "no" });
      },
    ],
    [
      "on an HTTPException with a response",
      403,
      () => {
        throw new HTTPException(403, { res: new Response("no", { status: 403 }) });
      },
    ],
    [
      "on an error",
      500,
      () => {
        throw new Error("route");
      },
    ],
    [
      "on an error that the app answers itself, with a raw Response",
      418,
      () => {
        throw new Error("raw");
      },
    ],
  ];
  for (const [what, status, route] of answers) {
    it(what, async () => {
      const app = new Hono();
      const store = memoryStore();
      app.use(rateLimit(store, fixedWindow({ name: "all", limit: 9, window: "1h" }), { key }));
      app.use(rateLimit(store, fixedWindow({ name: "one", limit: 5, window: "1h" }), { key }));
      app.get("/", route);
      app.onError((error, c) => {
        if (error instanceof HTTPException) return error.getResponse();
        return error.message === "raw" ? new Response("own", { status: 418 }) : c.text("failed", 500);
      });
      const port = await listen(app);
      const response = await fetch(`http://127.0.0.1:${port}/`, { redirect: "manual" });
      await response.text();
      expect(response.status).toBe(status);
      expect(response.headers.get("ratelimit")).toBe('"all";r=8;t=3600, "one";r=4;t=3600');
      expect(response.headers.get("ratelimit-policy")).toBe('"all";q=9;w=3600, "one";q=5;w=3600');
    });
  }

  it("except for thrown values that are not errors, and for a failing stream, which the server answers", async () => {
    const app = new Hono();
    app.use(rateLimit(memoryStore(), fixedWindow({ limit: 9, window: "1h" }), { key }));
    app.get("/text", () => {
      throw "text";
    });
    app.get("/stream", () => {
      return new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("stream")) }));
    });
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const url = `http://127.0.0.1:${await listen(app)}`;
    const response = await fetch(`${url}/text`);
    expect([response.status, response.headers.get("ratelimit")]).toEqual([500, null]);
    const streamed = await fetch(`${url}/stream`);
    await streamed.text();
    expect([streamed.status, streamed.headers.get("ratelimit")]).toEqual([500, null]);
    error.mockRestore();
  });

  it("on the response of a rejection handler", async () => {
    const app = new Hono();
    const handler = () => new Response("raw", { status: 420 });
    app.use(rateLimit(memoryStore(), once1h, { key, handler }));
    app.get("/", (c) => c.text("ok"));
    await app.request("/");
    const response = await app.request("/");
    expect([response.status, response.headers.get("retry-after"), await response.text()]).toEqual([420, "3600", "raw"]);
    expect(response.headers.get("ratelimit")).toBe('"default";r=0;t=3600');
  });

  it("but keeps those that a response already has", async () => {
    const app = new Hono();
    const handler = () =>
      new Response("raw", { status: 503, headers: { "Retry-After": "7", "Cache-Control": "private" } });
    app.use(rateLimit(memoryStore(), once1h, { key, handler }));
    app.get("/", (c) => c.text("ok"));
    await app.request("/");
    const { headers } = await app.request("/");
    expect([headers.get("retry-after"), headers.get("cache-control")]).toEqual(["7", "private"]);
    expect(headers.get("ratelimit")).toBe('"default";r=0;t=3600');
  });

  it("on the route's response if a rejection handler continues to it", async () => {
    const app = new Hono();
    app.use(
      rateLimit(memoryStore(), once1h, {
        key,
        async handler(c, next, denial) {
          c.status(200);
          c.header("X-Would-Be", String(denial.status));
          await next();
        },
      }),
    );
    app.get("/", (c) => c.text("ok"));
    await app.request("/");
    const response = await app.request("/");
    expect([response.status, response.headers.get("x-would-be"), await response.text()]).toEqual([200, "429", "ok"]);
    expect(response.headers.get("ratelimit")).toBe('"default";r=0;t=3600');
  });

  it("only once", async () => {
    const app = new Hono();
    app.use(rateLimit(memoryStore(), { key, headers: ["draft-11", "legacy"] }));
    app.get("/", (c) => c.text("ok"));
    const { headers } = await app.request("/");
    expect([headers.get("ratelimit"), headers.get("x-ratelimit-limit")]).toEqual(['"default";r=99;t=1', "100"]);
  });
});

describe("refundWhen, if Node's response reports the end", () => {
  const somebody = fixedWindow({ limit: 2, window: "1h" });

  it("refunds an HTTP/2 request, but not if its client left", async () => {
    const limiter = createLimiter({ store: memoryStore(), policies: somebody });
    const outcomes: ResponseOutcome[] = [];
    const refundWhen = (outcome: ResponseOutcome) => outcomes.push(outcome) > 0;
    const app = new Hono<{ Bindings: { outgoing: ServerResponse } }>();
    app.use(rateLimit(limiter, { key, refundWhen }));
    const held = new Promise<ServerResponse>((resolve) => {
      app.get("/held", (c) => {
        resolve(c.env.outgoing);
        return new Promise(() => {});
      });
    });
    const session = connect(`http://127.0.0.1:${await listen(app as unknown as Hono, undefined, createHttp2Server)}`);
    closing.push(async () => session.destroy());
    const left = session.request({ ":path": "/held" });
    const outgoing = await held;
    left.close();
    await once(outgoing, "close");
    await once(session.request({ ":path": "/" }).resume(), "close");
    await expect.poll(() => outcomes).toEqual([{ status: 404, aborted: false, error: undefined }]);
    await expect.poll(async () => (await limiter.peek("somebody")).remaining).toBe(1);
  });

  it("receives the sent status if other middleware answered before the route", async () => {
    const limiter = createLimiter({ store: memoryStore(), policies: somebody });
    const outcomes: ResponseOutcome[] = [];
    const refundWhen = (outcome: ResponseOutcome) => outcomes.push(outcome) < 0;
    const app = new Hono();
    app.use(async (c, next) => {
      void next();
      return c.text("timeout", 504);
    });
    app.use(rateLimit(limiter, { key, refundWhen }));
    app.get("/", () => new Promise(() => {}));
    const response = await fetch(`http://127.0.0.1:${await listen(app)}/`);
    expect([response.status, await response.text()]).toEqual([504, "timeout"]);
    await expect.poll(() => outcomes).toEqual([{ status: 504, aborted: false, error: undefined }]);
  });
});

describe("refundWhen, if only the body shows the end", () => {
  /** An app without a server, and the outcomes of its requests. */
  function setUp(route: Handler) {
    const limiter = createLimiter({ store: memoryStore(), policies: once1h });
    const outcomes: ResponseOutcome[] = [];
    const refundWhen = (outcome: ResponseOutcome) => {
      outcomes.push(outcome);
      return true;
    };
    const app = new Hono();
    app.use(rateLimit(limiter, { key, refundWhen }));
    app.get("/", route);
    app.onError((error, c) => c.text(error.message, 500));
    const left = async () => (await limiter.peek("somebody")).remaining;
    return { app, outcomes, left };
  }

  it("waits for the end of the body", async () => {
    const { app, outcomes, left } = setUp(() => new Response("body", { status: 201, headers: { "X-Own": "1" } }));
    const response = await app.request("/");
    expect([outcomes, await left()]).toEqual([[], 0]);
    expect([response.status, response.headers.get("x-own"), response.headers.get("ratelimit")]).toEqual([
      201,
      "1",
      '"default";r=0;t=3600',
    ]);
    expect(await response.text()).toBe("body");
    expect(outcomes).toEqual([{ status: 201, aborted: false, error: undefined }]);
    await expect.poll(left).toBe(1);
  });

  it("receives the error", async () => {
    const error = new Error("route");
    const { app, outcomes } = setUp(() => {
      throw error;
    });
    await (await app.request("/")).text();
    expect(outcomes).toEqual([{ status: 500, aborted: false, error }]);
  });

  it("is not called for a body that is not read to its end, a client that left, or no body", async () => {
    const cancelled = setUp((c) => c.text("body"));
    await (await cancelled.app.request("/")).body?.cancel();
    const aborted = setUp((c) => c.text("body"));
    await (await aborted.app.request("/", { signal: AbortSignal.abort() })).text();
    const leaving = setUp((c) => c.text("body"));
    const leave = new AbortController();
    const reader = (await leaving.app.request("/", { signal: leave.signal })).body?.getReader();
    await reader?.read();
    const end = reader?.read();
    leave.abort();
    await end;
    const empty = setUp((c) => c.body(null, 204));
    await empty.app.request("/");
    for (const { outcomes, left } of [cancelled, aborted, leaving, empty])
      expect([outcomes, await left()]).toEqual([[], 0]);
  });

  it("keeps the request alive until it is done, if there is an ExecutionContext", async () => {
    const { app, left } = setUp((c) => c.text("body"));
    const waiting: Promise<unknown>[] = [];
    const context = {
      waitUntil: (promise: Promise<unknown>) => waiting.push(promise),
      passThroughOnException() {},
      props: {},
    };
    await (await app.request("/", {}, {}, context)).text();
    expect(waiting).toHaveLength(1);
    await waiting[0];
    expect(await left()).toBe(1);
  });
});

it.each([
  ["middleware", (app: Hono, handler: MiddlewareHandler) => app.use(handler).get("/", (c) => c.text("ok"))],
  ["a single handler", (app: Hono, handler: MiddlewareHandler) => app.get("/", handler)],
])("warns of middleware that is created in %s, once per process", async (_, mount) => {
  vi.resetModules();
  const fresh = await import("../src/index.js");
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const app = new Hono();
  mount(app, (c, next) => fresh.rateLimit(memoryStore(), { key })(c, next));
  for (let i = 0; i < 3; i++) await app.request("/");
  expect(warn.mock.calls).toEqual([[expect.stringMatching(/MADE_IN_HANDLER.*docs\/errors/)]]);
  warn.mockRestore();
});

it("limits a sub-app and a single route", async () => {
  const limiter = createLimiter({ store: memoryStore(), policies: once1h });
  const api = new Hono();
  api.use(rateLimit(limiter, { key }));
  api.get("/a", (c) => c.text("a"));
  const app = new Hono();
  app.route("/api", api);
  app.get("/login", rateLimit(limiter, { key }), (c) => c.text("login"));
  app.get("/free", (c) => c.text("free"));
  const statuses: number[] = [];
  for (const path of ["/api/a", "/login", "/free"]) statuses.push((await app.request(path)).status);
  expect(statuses).toEqual([200, 429, 200]);
});

describe("the API", () => {
  interface AppEnv extends Env {
    Variables: { userId: string };
  }

  it("accepts Hono's context in decisionOf", () => {
    expectTypeOf(decisionOf).toBeCallableWith({} as Context);
    expectTypeOf(decisionOf).returns.toEqualTypeOf<Decision | undefined>();
  });

  it("passes the app's own context to the functions of the options", () => {
    const app = new Hono<AppEnv>();
    app.use(
      rateLimit<AppEnv>(memoryStore(), {
        key(c) {
          expectTypeOf(c.get("userId")).toEqualTypeOf<string>();
          return c.get("userId");
        },
      }),
    );
    app.get("/", (c) => {
      expectTypeOf(decisionOf(c)).toEqualTypeOf<Decision | undefined>();
      return c.text(c.get("userId"));
    });
  });

  it("names the middleware, for traces", () => {
    expect(rateLimit(memoryStore(), { key }).name).toBe("rateLimit");
  });
});
