import { once } from "node:events";
import { createServer, get } from "node:http";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { asynchronous } from "@sluice/core/store";
import { memoryStore } from "@sluice/store-memory";
import koa3, { type Context, type Middleware } from "koa";
import koa2 from "koa2";
import { afterEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  createLimiter,
  type Decision,
  decisionOf,
  fixedWindow,
  type RateLimitOptions,
  type ResponseOutcome,
  rateLimit,
  type Store,
} from "../src/index.js";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function listen(app: koa3, host = "127.0.0.1"): Promise<number> {
  const server = createServer(app.callback()).listen(0, host);
  await once(server, "listening");
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return (server.address() as AddressInfo).port;
}

const versions = [
  ["Koa 3", koa3],
  ["Koa 2", koa2 as unknown as typeof koa3],
] as const;

const once1h = fixedWindow({ limit: 1, window: "1h" });

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

/** An app that collects its errors instead of printing them. */
function appOf(App: typeof koa3): { app: koa3; errors: unknown[] } {
  const app = new App();
  const errors: unknown[] = [];
  app.on("error", (error) => errors.push(error));
  return { app, errors };
}

describe.each(versions)("%s", (_, App) => {
  it("needs only a store", async () => {
    const { app } = appOf(App);
    app.use(rateLimit(memoryStore()));
    app.use((ctx) => {
      ctx.body = `${decisionOf(ctx)?.remaining} left`;
    });
    const response = await fetch(`http://127.0.0.1:${await listen(app)}/`);
    expect(response.headers.get("ratelimit")).toBe('"default";r=99;t=1');
    expect(await response.text()).toBe("99 left");
  });

  it("answers in the same turn with a store in memory", async () => {
    const { app } = appOf(App);
    const order: string[] = [];
    app.use((_ctx, next) => {
      queueMicrotask(() => order.push("a turn later"));
      return next();
    });
    app.use(rateLimit(memoryStore()));
    app.use((ctx) => {
      order.push("route");
      ctx.body = "ok";
    });
    await fetch(`http://127.0.0.1:${await listen(app)}/`);
    expect(order).toEqual(["route", "a turn later"]);
  });

  // Only Linux has all of 127.0.0.0/8 without set-up.
  it.skipIf(process.platform !== "linux")("keeps IPv4 clients apart on a dual-stack socket", async () => {
    const { app } = appOf(App);
    const addresses: string[] = [];
    app.use((ctx, next) => {
      addresses.push(ctx.ip);
      return next();
    });
    app.use(rateLimit(memoryStore(), once1h));
    app.use((ctx) => {
      ctx.body = "ok";
    });
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

  const failures: readonly (readonly [what: string, fail: Middleware])[] = [
    [
      "a thrown text",
      () => {
        throw "text";
      },
    ],
    [
      "a thrown frozen object",
      () => {
        throw Object.freeze({ message: "frozen" });
      },
    ],
    [
      "an error with custom fields",
      () => {
        throw Object.assign(new Error("own"), { headers: { "X-Own": "1" } });
      },
    ],
    ["ctx.throw", (ctx) => ctx.throw(500, "thrown")],
    [
      "a stream that fails before its first byte",
      (ctx) => {
        ctx.body = new Readable({ read: () => {} });
        setImmediate(() => ctx.body.destroy(new Error("stream")));
      },
    ],
    [
      "a body that is not JSON",
      (ctx) => {
        ctx.body = { count: 1n };
      },
    ],
  ];
  for (const [what, fail] of failures) {
    // Koa 3 ends the connection in this case, with or without a limiter.
    if (App === koa3 && what.startsWith("a stream")) continue;
    it(`keeps the fields of all limiters on ${what}`, async () => {
      const { app, errors } = appOf(App);
      const store = memoryStore();
      app.use(rateLimit(store, fixedWindow({ name: "all", limit: 9, window: "1h" })));
      app.use(rateLimit(store, fixedWindow({ name: "one", limit: 5, window: "1h" })));
      app.use(fail);
      const response = await fetch(`http://127.0.0.1:${await listen(app)}/`);
      expect(response.status).toBe(500);
      expect(response.headers.get("ratelimit")).toBe('"all";r=8;t=3600, "one";r=4;t=3600');
      expect(response.headers.get("ratelimit-policy")).toBe('"all";q=9;w=3600, "one";q=5;w=3600');
      expect(errors).toHaveLength(1);
      // The error belongs to the app, which may throw it again for another client.
      expect(Object.getOwnPropertyDescriptor(errors[0], "headers")?.value).toEqual(
        what.includes("custom fields") ? { "X-Own": "1" } : undefined,
      );
    });
  }

  it("keeps the fields if the app handles errors itself", async () => {
    const { app } = appOf(App);
    app.use(async (ctx, next) => {
      try {
        await next();
      } catch (error) {
        ctx.status = 418;
        ctx.body = (error as Error).message;
      }
    });
    app.use(rateLimit(memoryStore(), once1h));
    app.use(() => {
      // The app may throw this error repeatedly. Koa's own handler fails on frozen errors.
      throw Object.freeze(new Error("teapot"));
    });
    const port = await listen(app);
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, await response.text()]).toEqual([418, "teapot"]);
    expect(response.headers.get("ratelimit")).toBe('"default";r=0;t=3600');
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(429);
  });

  it("removes other fields from the response to an error, as Koa does", async () => {
    const { app } = appOf(App);
    app.use(rateLimit(memoryStore(), once1h));
    app.use((ctx) => {
      ctx.set("X-Cached", "yes");
      throw new Error("late");
    });
    const response = await fetch(`http://127.0.0.1:${await listen(app)}/`);
    expect([response.headers.get("x-cached"), response.headers.get("ratelimit")]).toEqual([
      null,
      '"default";r=0;t=3600',
    ]);
  });

  it("does not change a response that ends without an error, even if Koa reports one", async () => {
    const app = new App();
    const assigned: unknown[] = [];
    const closed: Promise<unknown>[] = [];
    app.use((ctx, next) => {
      const { removeHeader } = ctx.res;
      Object.defineProperty(ctx.res, "removeHeader", {
        get: () => removeHeader,
        set: (value: unknown) => void assigned.push(value),
      });
      closed.push(once(ctx.res, "close"));
      return next();
    });
    app.use(rateLimit(memoryStore()));
    app.use((ctx) => {
      ctx.body = "Hello";
    });
    await fetch(`http://127.0.0.1:${await listen(app)}/`);
    await Promise.all(closed);
    expect(closed).toHaveLength(1);
    expect(assigned).toEqual([]);
  });

  it("does not change a response that was sent while the store decided", async () => {
    const { store, release } = heldStore();
    const { app, errors } = appOf(App);
    const reached: string[] = [];
    app.use((ctx, next) => {
      ctx.respond = false;
      ctx.res.statusCode = 504;
      ctx.res.end("too late");
      return next();
    });
    app.use(rateLimit(store, once1h));
    app.use(() => {
      reached.push("route");
    });
    const port = await listen(app);
    const responses = await Promise.all([fetch(`http://127.0.0.1:${port}/`), fetch(`http://127.0.0.1:${port}/`)]);
    expect(responses.map(({ status }) => status)).toEqual([504, 504]);
    release();
    await expect.poll(() => reached).toEqual(["route"]);
    expect(errors).toEqual([]);
  });

  it("passes on errors of a rejection handler, and lets it continue to the route", async () => {
    const { app, errors } = appOf(App);
    app.use(
      rateLimit(memoryStore(), once1h, {
        key: (ctx) => ctx.path,
        handler(ctx, next, denial) {
          if (ctx.path === "/fail") throw new Error("handler");
          ctx.status = 200;
          ctx.set("X-Would-Be", String(denial.status));
          return next();
        },
      }),
    );
    app.use((ctx) => {
      ctx.body = "ok";
    });
    const url = `http://127.0.0.1:${await listen(app)}`;
    await Promise.all([fetch(`${url}/fail`), fetch(`${url}/go`)]);
    expect((await fetch(`${url}/fail`)).status).toBe(500);
    expect(errors).toEqual([expect.objectContaining({ message: "handler" })]);
    const response = await fetch(`${url}/go`);
    expect([response.status, response.headers.get("x-would-be")]).toEqual([200, "429"]);
  });

  it("warns once per process of middleware that is created in a handler", async () => {
    vi.resetModules();
    const fresh = await import("../src/index.js");
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { app } = appOf(App);
    app.use((ctx, next) => fresh.rateLimit(memoryStore())(ctx, next));
    app.use((ctx) => {
      ctx.body = "ok";
    });
    const port = await listen(app);
    for (let i = 0; i < 3; i++) await fetch(`http://127.0.0.1:${port}/`);
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/MADE_IN_HANDLER.*docs\/errors/)]]);
    warn.mockRestore();
  });

  it("warns of it after 100 requests if it follows an await, where no stack shows it", async () => {
    vi.resetModules();
    const fresh = await import("../src/index.js");
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { app } = appOf(App);
    app.use(async (ctx, next) => {
      await Promise.resolve();
      return fresh.rateLimit(memoryStore())(ctx, next);
    });
    const url = `http://127.0.0.1:${await listen(app)}/`;
    for (let i = 0; i < 99; i++) await (await fetch(url)).text();
    expect(warn.mock.calls).toEqual([]);
    for (let i = 0; i < 5; i++) await (await fetch(url)).text();
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/MADE_IN_HANDLER.*100 requests/)]]);
    warn.mockRestore();
  });

  it("shares a limiter with other middleware", async () => {
    const { app } = appOf(App);
    const limiter = createLimiter({ store: memoryStore(), policies: once1h });
    const [forA, forB] = [rateLimit(limiter), rateLimit(limiter)];
    app.use((ctx, next) => (ctx.path === "/a" ? forA(ctx, next) : ctx.path === "/b" ? forB(ctx, next) : next()));
    app.use((ctx) => {
      ctx.body = "ok";
    });
    const port = await listen(app);
    const statuses: number[] = [];
    for (const path of ["/a", "/b", "/free"]) {
      statuses.push((await fetch(`http://127.0.0.1:${port}${path}`)).status);
    }
    expect(statuses).toEqual([200, 429, 200]);
  });

  it("refunds an HTTP/2 request, but not if its client left", async () => {
    const app = new App();
    const limiter = createLimiter({ store: memoryStore(), policies: fixedWindow({ limit: 2, window: "1h" }) });
    const outcomes: ResponseOutcome[] = [];
    const refundWhen = (outcome: ResponseOutcome) => outcomes.push(outcome) > 0;
    app.use(rateLimit(limiter, { key: () => "somebody", refundWhen }));
    const held = new Promise<Context>((resolve) => {
      app.use((ctx) => {
        if (ctx.path !== "/held") return;
        resolve(ctx);
        return new Promise(() => {});
      });
    });
    const server = createHttp2Server(app.callback()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    closing.push(async () => {
      session.destroy();
      server.close();
      await once(server, "close");
    });
    const left = session.request({ ":path": "/held" });
    const { res } = await held;
    left.close();
    await once(res, "close");
    await once(session.request({ ":path": "/" }).resume(), "close");
    await expect.poll(() => outcomes).toEqual([{ status: 404, aborted: false, error: undefined }]);
    await expect.poll(async () => (await limiter.peek("somebody")).remaining).toBe(1);
  });
});

describe("the API", () => {
  it("accepts Koa's context in decisionOf", () => {
    expectTypeOf(decisionOf).toBeCallableWith({} as Context);
    expectTypeOf(decisionOf).returns.toEqualTypeOf<Decision | undefined>();
  });

  it("passes Koa's context to the functions of the options", () => {
    expectTypeOf<NonNullable<RateLimitOptions["key"]>>().parameter(0).toEqualTypeOf<Context>();
    expectTypeOf<Exclude<RateLimitOptions["cost"], number | undefined>>().parameter(0).toEqualTypeOf<Context>();
  });

  it("returns middleware that an app with a custom state accepts", () => {
    const app = new koa3<{ user: string }>();
    app.use(rateLimit(memoryStore())).use((ctx) => {
      expectTypeOf(ctx.state.user).toEqualTypeOf<string>();
      expectTypeOf(decisionOf(ctx)).toEqualTypeOf<Decision | undefined>();
    });
  });

  it("names the middleware, for traces", () => {
    expect(rateLimit(memoryStore()).name).toBe("rateLimit");
  });
});
