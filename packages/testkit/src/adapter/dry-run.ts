import { equal } from "node:assert/strict";
import { createLimiter, fixedWindow } from "@sluice/core";
import { asynchronous } from "@sluice/core/store";
import { type AdapterContext, client } from "./context.js";

/** Everything is decided, charged and reported, but no request is denied. */
export function dryRunGroup<Req, Handler>({ test, adapter }: AdapterContext<Req, Handler>): void {
  const policies = fixedWindow({ limit: 1, window: "10s" });

  test("lets denied requests through, and marks them if the option is set", async ({ serve, ask, store, clock }) => {
    const denied: string[][] = [];
    const on = { denied: ({ violated }: { violated: readonly string[] }) => denied.push([...violated]) };
    const limiter = createLimiter({ store, policies, clock, on });
    const server = await serve({ uses: [{ of: limiter, options: { dryRun: "marked", handler: adapter.handler } }] });
    const first = { RateLimit: '"default";r=0;t=10', "Sluice-Dry-Run": "allowed", "Retry-After": null };
    await ask(server, { status: 200, fields: first, body: "ok" });
    const second = { ...first, "Sluice-Dry-Run": "denied", "Cache-Control": null };
    await ask(server, { status: 200, fields: second, body: "ok" });
    equal(JSON.stringify(denied), '[["default"]]');
  });

  test("shows the app its decision", async ({ serve, ask }) => {
    const server = await serve({ route: "decision" }, { policies, dryRun: true });
    await ask(server, { status: 200, body: /"allowed":true/ });
    await ask(server, { status: 200, body: /"allowed":false/ });
  });

  test("is silent by default", async ({ serve, ask }) => {
    const server = await serve({}, { policies, dryRun: true, headers: false });
    const none = { RateLimit: null, "RateLimit-Policy": null, "Sluice-Dry-Run": null, "Retry-After": null };
    for (let i = 0; i < 3; i++) await ask(server, { status: 200, fields: none, body: "ok" });
    const half = await serve({}, { policies, dryRun: true, key: () => "other" });
    await ask(half, { status: 200, fields: { RateLimit: '"default";r=0;t=10', "Sluice-Dry-Run": null } });
  });

  test("does not refund requests that it would have denied", async ({ serve, ask, store, clock }) => {
    const limiter = createLimiter({ store, policies, clock });
    const options = {
      dryRun: true,
      refundWhen: () => true,
      key: (request: Req) => adapter.header(request, "x-client") ?? "x",
    };
    const server = await serve({ route: "throw", uses: [{ of: limiter, options }] });
    equal(await limiter.allow("ada"), true);
    for (let i = 0; i < 3; i++) await ask(server, { status: 500 }, client("ada"));
    equal(await limiter.allow("ada"), false);
  });

  test("lets requests without a usable address through", async ({ serve, ask, quiet }) => {
    const warnings = quiet();
    const server = await serve({ trustProxy: true }, { policies, dryRun: true });
    await ask(server, { status: 200 }, { headers: { "x-forwarded-for": "unknown" } });
    equal(warnings.length, 1);
  });

  test("lets requests through while the store fails", async ({ serve, ask, clock }) => {
    const fail = () => Promise.reject(new Error("down"));
    const of = { asynchronous, atomicUpdate: fail, delete: fail, close: async () => {} };
    const server = await serve({ uses: [{ of, policies, options: { clock, dryRun: "marked" } }] });
    await ask(server, { status: 200, fields: { "Sluice-Dry-Run": "denied", RateLimit: null } });
  });
}
