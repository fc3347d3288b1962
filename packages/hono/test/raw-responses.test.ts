import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { asynchronous } from "@sluice/core/store";
import { memoryStore } from "@sluice/store-memory";
import { type Context, Hono } from "hono";
import { createAdaptorServer as createAdaptorServer1_14 } from "node-server-1.14";
import { createAdaptorServer as createAdaptorServer1_19 } from "node-server-1.19";
import { createAdaptorServer as createAdaptorServer2_0 } from "node-server-2.0";
import { afterEach, describe, expect, it } from "vitest";
import { createLimiter, fixedWindow, rateLimit, type Store } from "../src/index.js";

const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(async (server) => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    }),
  );
});

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const upstream = (listener: RequestListener) => listening(createServer(listener));

const stale: RequestListener = (_req, res) => {
  res.setHeader("RateLimit", '"default";r=77;t=7');
  res.setHeader("RateLimit-Policy", '"upstream";q=100;w=60');
  res.setHeader("RateLimit-Remaining", "77");
  res.setHeader("X-Upstream", "yes");
  res.statusCode = 203;
  res.end("upstream");
};

const policies = fixedWindow({ limit: 9, window: "1h" });
const key = (c: Context): string => c.req.header("x-client") ?? "somebody";
const as = (client: string): RequestInit => ({ headers: { "x-client": client } });
const fieldsOf = ({ headers }: Response) => [headers.get("ratelimit"), headers.get("ratelimit-policy")];
const numbers = (remaining: number) => [`"default";r=${remaining};t=3600`, '"default";q=9;w=3600'];

const versions = [
  ["1.14.0", createAdaptorServer1_14],
  ["1.19.14", createAdaptorServer1_19],
  ["2.0.0", createAdaptorServer2_0],
  ["the newest", createAdaptorServer],
] as const;

describe.each(versions)("@hono/node-server, %s", (_, serve) => {
  it("sends an upstream server's response with the client's own numbers", async () => {
    const url = await upstream(stale);
    const app = new Hono();
    app.use(rateLimit(memoryStore(), policies, { key }));
    app.get("/", () => fetch(url));
    const own = await listening(serve({ fetch: app.fetch }) as Server);
    for (const remaining of [8, 7]) {
      const response = await fetch(own);
      expect(fieldsOf(response)).toEqual(numbers(remaining));
      const { headers, status } = response;
      expect([status, headers.get("x-upstream"), headers.get("ratelimit-remaining")]).toEqual([203, "yes", null]);
      expect(await response.text()).toBe("upstream");
    }
  });
});

/** An app whose route returns its own response, such as one from a cache. */
function cachingApp(route: (c: Context) => Response | Promise<Response>): Hono {
  const app = new Hono();
  app.use(rateLimit(memoryStore(), policies, { key }));
  app.get("/", route);
  return app;
}

describe("a response that the context did not create", () => {
  it("has each client's own numbers, even if it comes from a cache", async () => {
    const cached = new Response("cached", { headers: { RateLimit: '"default";r=3;t=9', "RateLimit-Remaining": "3" } });
    const app = cachingApp(() => cached.clone());
    for (const [client, remaining] of [
      ["ada", 8],
      ["ada", 7],
      ["grace", 8],
    ] as const) {
      const response = await app.request("/", as(client));
      expect([...fieldsOf(response), response.headers.get("ratelimit-remaining")]).toEqual([
        ...numbers(remaining),
        null,
      ]);
      expect(await response.text()).toBe("cached");
    }
    expect(cached.headers.get("ratelimit")).toBe('"default";r=3;t=9');
  });

  it("does not collect fields if the same object is returned again", async () => {
    const gone = new Response(null, { status: 204 });
    const app = cachingApp(() => gone);
    for (const [client, remaining] of [
      ["ada", 8],
      ["ada", 7],
      ["grace", 8],
    ] as const) {
      expect(fieldsOf(await app.request("/", as(client)))).toEqual(numbers(remaining));
    }
    expect(fieldsOf(gone)).toEqual([null, null]);
  });

  it("has the numbers of all limiters, even if it already had fields", async () => {
    const app = new Hono();
    const store = memoryStore();
    app.use(rateLimit(store, fixedWindow({ name: "all", limit: 9, window: "1h" }), { key }));
    app.use(rateLimit(store, fixedWindow({ name: "one", limit: 5, window: "1h" }), { key }));
    app.get("/", () => new Response("raw", { headers: { RateLimit: '"one";r=1;t=1' } }));
    const response = await app.request("/");
    expect(fieldsOf(response)).toEqual(['"all";r=8;t=3600, "one";r=4;t=3600', '"all";q=9;w=3600, "one";q=5;w=3600']);
  });

  it("has no numbers while the store fails", async () => {
    const fail = () => Promise.reject(new Error("down"));
    const store: Store = { asynchronous, atomicUpdate: fail, delete: fail, close: async () => {} };
    const app = new Hono();
    app.use(rateLimit(store, policies, { key, failOpen: true, on: { storeError: () => {} } }));
    app.get("/", () => new Response("raw", { headers: { RateLimit: '"default";r=1;t=1' } }));
    expect(fieldsOf(await app.request("/"))).toEqual([null, '"default";q=9;w=3600']);
  });

  it("keeps legacy fields if the limiter does not send that form", async () => {
    const app = cachingApp(() => new Response("raw", { headers: { "X-RateLimit-Remaining": "5" } }));
    expect((await app.request("/")).headers.get("x-ratelimit-remaining")).toBe("5");
  });

  it("is not changed if it is an upgrade, a network error, or already read", async () => {
    const upgrade = Object.defineProperty(new Response(null), "status", { value: 101 });
    const read = new Response("read");
    await read.text();
    for (const response of [upgrade, Response.error(), read]) {
      expect(await cachingApp(() => response).request("/")).toBe(response);
    }
  });
});

it("does not change a response that the route sent directly, and settles it once", async () => {
  const limiter = createLimiter({ store: memoryStore(), policies });
  let asked = 0;
  const refundWhen = () => {
    asked++;
    return true;
  };
  const app = new Hono<{ Bindings: { outgoing: ServerResponse } }>();
  app.use(rateLimit(limiter, { key: () => "somebody", refundWhen }));
  app.get("/", (c) => {
    c.env.outgoing.writeHead(202, { "X-Own": "yes" });
    c.env.outgoing.end("directly");
    return RESPONSE_ALREADY_SENT;
  });
  const url = await listening(createAdaptorServer({ fetch: app.fetch }) as Server);
  for (let i = 1; i <= 2; i++) {
    const response = await fetch(url);
    expect([response.status, response.headers.get("x-own"), await response.text()]).toEqual([202, "yes", "directly"]);
    await expect.poll(async () => (await limiter.peek("somebody")).remaining).toBe(9);
    expect(asked).toBe(i);
  }
});
