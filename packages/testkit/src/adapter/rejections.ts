import { ok } from "node:assert/strict";
import { fixedWindow } from "@sluice/core";
import { type AdapterContext, quotaProblem } from "./context.js";

/** The response to a request over the limit. */
export function rejectionsGroup<Req, Handler>({ test, adapter }: AdapterContext<Req, Handler>): void {
  const once = fixedWindow({ limit: 1, window: "10s" });

  test("have status 429 and a problem document, and must not be cached", async ({ serve, ask, clock }) => {
    const server = await serve({}, { policies: once });
    await ask(server, { status: 200 });
    await clock.advance(2_400);
    await ask(server, {
      status: 429,
      fields: {
        "RateLimit-Policy": '"default";q=1;w=10',
        RateLimit: '"default";r=0;t=8',
        "Retry-After": "8",
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
      },
      body: quotaProblem(["default"], 8),
    });
  });

  test("name every policy that denies, and use the longest wait", async ({ serve, ask }) => {
    const minute = fixedWindow({ name: "minute", limit: 1, window: "1m" });
    const hour = fixedWindow({ name: "hour", limit: 1, window: "1h" });
    const day = fixedWindow({ name: "day", limit: 5, window: "1d" });
    const server = await serve({}, { policies: [minute, hour, day] });
    await ask(server, { status: 200 });
    await ask(server, {
      status: 429,
      fields: { "Retry-After": "3600", RateLimit: '"minute";r=0;t=60, "hour";r=0;t=3600, "day";r=4;t=86400' },
      body: quotaProblem(["minute", "hour"], 3600),
    });
  });

  test("have no Retry-After if the request can never fit", async ({ serve, ask }) => {
    const server = await serve({}, { policies: once, cost: 2 });
    await ask(server, { status: 429, fields: { "Retry-After": null }, body: quotaProblem(["default"]) });
  });

  test("end the request, so nothing behind the limiter runs", async ({ serve, ask, clock }) => {
    const server = await serve({ route: "throw" }, { policies: fixedWindow({ limit: 1, window: "10s" }) });
    await ask(server, { status: 500 });
    await ask(server, { status: 429 });
    await clock.advance(10_000);
    await ask(server, { status: 500 });
    ok(server.errors.length === 2, `${server.errors.length} errors`);
  });

  test("have the configured status and type", async ({ serve, ask }) => {
    const server = await serve({}, { policies: once, statusCode: 420, type: "https://example.com/calm" });
    await ask(server, { status: 200 });
    const body = quotaProblem(["default"], 10)
      .replace('"status":429', '"status":420')
      .replace(/"type":"[^"]*","title":"[^"]*"/, '"type":"https://example.com/calm"');
    await ask(server, { status: 420, fields: { "Retry-After": "10" }, body });
  });

  test("with a custom type have a custom title, or none", async ({ serve, ask }) => {
    const options = { policies: once, type: "https://example.com/calm" };
    for (const [title, written] of [
      ["Calm down", ',"title":"Calm down"'],
      [undefined, ""],
    ] as const) {
      const server = await serve({}, { ...options, title, key: () => `${title}` });
      await ask(server, { status: 200 });
      const body = quotaProblem(["default"], 10).replace(
        /"type":.*,"status"/,
        `"type":"${options.type}"${written},"status"`,
      );
      await ask(server, { status: 429, body });
    }
  });

  const text = "text/plain; charset=utf-8";
  const messages = [
    ["a text", "Slow down, please. ☕", text, "Slow down, please. ☕"],
    ["a function's object, asynchronously", { error: "slow" }, "application/json", '{"error":"slow"}'],
    ["a function's text", () => "later", text, "later"],
    ["a function's object, later", async () => ({ error: "later" }), "application/json", '{"error":"later"}'],
  ] as const;
  for (const [what, message, contentType, body] of messages) {
    test(`have ${what} as their body`, async ({ serve, ask }) => {
      const server = await serve({}, { policies: once, message });
      await ask(server, { status: 200 });
      const fields = { "Content-Type": contentType, "Retry-After": "10", "Cache-Control": "no-store" };
      await ask(server, { status: 429, fields, body });
    });
  }

  test("may be answered by a handler", async ({ serve, ask }) => {
    const server = await serve({}, { policies: once, handler: adapter.handler });
    await ask(server, { status: 200 });
    const fields = { "Retry-After": "10", RateLimit: '"default";r=0;t=10', "Cache-Control": "no-store" };
    await ask(server, { status: 429, fields, body: "handled default" });
  });

  test("never contain the key", async ({ serve, ask }) => {
    const secret = "api-key-7f3a";
    const server = await serve({}, { policies: once, key: () => secret, headers: ["draft-11", "draft-6", "legacy"] });
    await ask(server, { status: 200 });
    const response = await fetch(server.url);
    const all = JSON.stringify([...response.headers]) + (await response.text());
    ok(response.status === 429 && !all.includes(secret), all);
  });
}
