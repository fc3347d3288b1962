import { equal } from "node:assert/strict";
import { createLimiter, fixedWindow } from "@sluice/core";
import { threeMethodsOf } from "../model.js";
import type { RouteKind } from "./adapter.js";
import type { AdapterContext } from "./context.js";

/** Every response of the app has the fields, and its request is charged once. */
export function answersGroup<Req, Handler>({ test }: AdapterContext<Req, Handler>): void {
  const policies = fixedWindow({ limit: 2, window: "10s" });

  const kinds: readonly (readonly [what: string, route: RouteKind, status: number])[] = [
    ["the app's own", "text", 200],
    ["a 404", "none", 404],
    ["a thrown error", "throw", 500],
    ["a late error", "reject", 500],
  ];
  for (const [what, route, status] of kinds) {
    test(`${what} has the fields and is charged once`, async ({ serve, ask }) => {
      const server = await serve({ route }, { policies });
      await ask(server, { status, fields: { RateLimit: '"default";r=1;t=10', "Retry-After": null } });
      await ask(server, { status, fields: { RateLimit: '"default";r=0;t=10' } });
      await ask(server, { status: 429, fields: { RateLimit: '"default";r=0;t=10' } });
    });
  }

  test("a stream has the fields and is charged once", async ({ serve, ask }) => {
    const server = await serve({ route: "stream" }, { policies });
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=1;t=10' }, body: "one,two" });
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=0;t=10' }, body: "one,two" });
    await ask(server, { status: 429 });
  });

  test("a route receives the whole request body, from fast and slow stores", async ({ serve, ask, store, clock }) => {
    const long = "0123456789".repeat(20_000);
    for (const of of [store, threeMethodsOf(store)]) {
      const server = await serve({ uses: [{ of, policies, options: { clock } }], route: "echo" });
      await ask(server, { status: 200, body: long }, { method: "POST", body: long });
    }
  });

  test("a slow store has the same result", async ({ serve, ask, store, clock }) => {
    const uses = [{ of: threeMethodsOf(store), policies, options: { clock } }];
    const server = await serve({ uses, route: "throw" });
    await ask(server, { status: 500, fields: { RateLimit: '"default";r=1;t=10' } });
    await ask(server, { status: 500, fields: { RateLimit: '"default";r=0;t=10' } });
    await ask(server, { status: 429, fields: { RateLimit: '"default";r=0;t=10', "Retry-After": "10" } });
  });

  test("the app finds the decision on the request", async ({ serve, ask }) => {
    const server = await serve({ route: "decision" }, { policies });
    await ask(server, {
      status: 200,
      body: JSON.stringify({
        allowed: true,
        cost: 1,
        limit: 2,
        remaining: 1,
        retryAfterMs: 0,
        resetAfterMs: 10_000,
        source: "store",
        policies: [
          {
            policy: { algorithm: "fixed-window", name: "default", limit: 2, windowMs: 10_000 },
            allowed: true,
            limit: 2,
            windowMs: 10_000,
            remaining: 1,
            retryAfterMs: 0,
            resetAfterMs: 10_000,
            blocked: false,
          },
        ],
        violated: [],
      }),
    });
  });

  test("the app finds the decision under a custom name", async ({ serve, ask }) => {
    const server = await serve({ route: "decision" }, { policies, requestProperty: "quota" });
    await ask(server, { status: 200, body: /"remaining":1/ });
  });

  test("HEAD is limited, and its rejection has no body", async ({ serve, ask }) => {
    const server = await serve({}, { policies: fixedWindow({ limit: 1, window: "10s" }) });
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=0;t=10' }, body: "" }, { method: "HEAD" });
    const rejected = { status: 429, fields: { "Retry-After": "10", "Content-Type": "application/problem+json" } };
    await ask(server, { ...rejected, body: "" }, { method: "HEAD" });
  });

  const preflight: RequestInit = {
    method: "OPTIONS",
    headers: { origin: "http://localhost", "access-control-request-method": "POST" },
  };

  test("a preflight is not limited, but another OPTIONS request is", async ({ serve, ask }) => {
    const server = await serve({}, { policies: fixedWindow({ limit: 1, window: "10s" }) });
    for (let i = 0; i < 3; i++) await ask(server, { status: 200, fields: { RateLimit: null } }, preflight);
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=0;t=10' } }, { method: "OPTIONS" });
    await ask(server, { status: 429 }, { method: "OPTIONS" });
    await ask(server, { status: 200, fields: { RateLimit: null } }, preflight);
  });

  test("another method with a preflight's fields is limited", async ({ serve, ask }) => {
    const server = await serve({}, { policies });
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=1;t=10' } }, { ...preflight, method: "GET" });
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=0;t=10' } }, { ...preflight, method: "POST" });
  });

  test("a preflight is limited if the option is set", async ({ serve, ask }) => {
    const server = await serve({}, { policies, chargePreflight: true });
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=1;t=10' } }, preflight);
  });

  test("a limiter is shared with the rest of the app", async ({ serve, ask, store, clock }) => {
    const limiter = createLimiter({ store, policies, clock });
    const server = await serve({ uses: [{ of: limiter, options: { key: () => "somebody" } }] });
    equal(await limiter.allow("somebody"), true);
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=0;t=10' } });
    equal(await limiter.allow("somebody"), false);
    await ask(server, { status: 429 });
  });

  for (const [speed, slow] of [
    ["synchronously", false],
    ["asynchronously", true],
  ] as const) {
    test(`a store that answers ${speed} allows exactly the limit of many concurrent requests`, async (tools) => {
      const { serve, store, clock } = tools;
      const policies = fixedWindow({ limit: 7, window: "10s" });
      const of = slow ? threeMethodsOf(store) : store;
      const server = await serve({ uses: [{ of, policies, options: { clock } }] });
      const responses = await Promise.all(Array.from({ length: 40 }, () => fetch(server.url)));
      await Promise.all(responses.map((response) => response.text()));
      equal(responses.filter(({ status }) => status === 200).length, 7);
      equal(responses.filter(({ status }) => status === 429).length, 33);
    });
  }
}
