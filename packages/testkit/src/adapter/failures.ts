import { equal } from "node:assert/strict";
import { createLimiter, fixedWindow, type Store } from "@sluice/core";
import { asynchronous } from "@sluice/core/store";
import type { AdapterContext } from "./context.js";

/** Stores that fail, and functions of the app that fail. */
export function failuresGroup<Req, Handler>({ test, adapter }: AdapterContext<Req, Handler>): void {
  const policies = fixedWindow({ limit: 2, window: "10s" });
  const unknown = { "RateLimit-Policy": '"default";q=2;w=10', RateLimit: null, "X-RateLimit-Remaining": null };
  const problem = JSON.stringify({
    type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
    title: "Request cannot be satisfied due to temporary server capacity constraints",
    status: 503,
    "violated-policies": [],
  });

  const stores: readonly (readonly [what: string, store: Store])[] = [
    ["fails", brokenStore(() => Promise.reject(new Error("down")))],
    ["does not answer", brokenStore(() => new Promise(() => {}))],
  ];
  for (const [what, store] of stores) {
    test(`a store that ${what} causes a 503`, async ({ serve, ask }) => {
      const options = { timeout: 50, headers: ["draft-11", "legacy"] as const, statusCode: 420 };
      const server = await serve({ uses: [{ of: store, policies, options }] });
      const fields = { ...unknown, "Content-Type": "application/problem+json", "Cache-Control": "no-store" };
      for (let i = 0; i < 3; i++) await ask(server, { status: 503, fields, body: problem });
    });

    test(`a store that ${what} lets requests through with failOpen`, async ({ serve, ask }) => {
      const server = await serve({ uses: [{ of: store, policies, options: { timeout: 50, failOpen: true } }] });
      for (let i = 0; i < 3; i++) {
        await ask(server, { status: 200, fields: { ...unknown, "Retry-After": null }, body: "ok" });
      }
    });
  }

  test("a fixed message is sent for a reached limit, but not for a failing store", async ({ serve, ask }) => {
    const [, store] = stores[0] as (typeof stores)[number];
    const server = await serve({ uses: [{ of: store, policies, options: { message: "too many" } }] });
    await ask(server, { status: 503, body: problem });
    const message = (_request: Req, { source }: { source: string }) => source;
    const asked = await serve({ uses: [{ of: store, policies, options: { message } }] });
    await ask(asked, { status: 503, fields: { "Content-Type": "text/plain; charset=utf-8" }, body: "failClosed" });
  });

  test("a handler also answers if the store fails", async ({ serve, ask }) => {
    const [, store] = stores[0] as (typeof stores)[number];
    const server = await serve({ uses: [{ of: store, policies, options: { handler: adapter.handler } }] });
    await ask(server, { status: 503, body: "handled " });
  });

  const thrown = new Error("thrown by a function of the options");
  const fail = () => {
    throw thrown;
  };
  const failLater = () => Promise.reject(thrown);
  for (const option of ["key", "cost", "skip", "policies", "message"] as const) {
    for (const [when, failing] of [
      ["", fail],
      [" asynchronously", failLater],
    ] as const) {
      test(`an error that ${option}() throws${when} reaches the app's error handling`, async ({ serve, ask }) => {
        const once = { ...(option !== "policies" && { policies: fixedWindow({ limit: 1, window: "10s" }) }) };
        const server = await serve({}, { ...once, [option]: failing });
        if (option === "message") await ask(server, { status: 200 });
        await ask(server, { status: 500 });
        equal(server.errors[0], thrown);
      });
    }
  }

  test("a closed limiter lets no request through", async ({ serve, ask, store }) => {
    const limiter = createLimiter({ store, policies });
    await limiter.close();
    const server = await serve({ uses: [{ of: limiter }] });
    await ask(server, { status: 500 });
  });
}

function brokenStore(answer: () => Promise<never>): Store {
  return { asynchronous, atomicUpdate: answer, delete: answer, close: async () => {} };
}
