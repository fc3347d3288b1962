import { createLimiter, fixedWindow, slidingWindow, tokenBucket } from "@sluice/core";
import type { AdapterContext } from "./context.js";

/** The fields of responses in every form. */
export function fieldsGroup<Req, Handler>({ test }: AdapterContext<Req, Handler>): void {
  const policies = fixedWindow({ limit: 2, window: "10s" });

  test("have the form of draft 11 and a limit of 100 per second by default", async ({ serve, ask, store }) => {
    const server = await serve({ uses: [{ of: store }] });
    await ask(server, {
      status: 200,
      fields: {
        "RateLimit-Policy": '"default";q=100;w=1',
        RateLimit: '"default";r=99;t=1',
        "Retry-After": null,
        "X-RateLimit-Limit": null,
        "Cache-Control": null,
      },
      body: "ok",
    });
  });

  test("count down, and up again with time", async ({ serve, ask, clock }) => {
    const server = await serve({}, { policies });
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=1;t=10' } });
    await clock.advance(4_500);
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=0;t=6' } });
    await clock.advance(5_500);
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=1;t=10', "Retry-After": null } });
  });

  test("of several policies are lists", async ({ serve, ask }) => {
    const bucket = tokenBucket({ name: "burst", rate: 5 });
    const window = slidingWindow({ name: "daily", limit: 50, window: "1d" });
    const server = await serve({}, { policies: [bucket, window] });
    await ask(server, {
      status: 200,
      fields: {
        "RateLimit-Policy": '"burst";q=5;w=1, "daily";q=50;w=86400',
        RateLimit: '"burst";r=4;t=1, "daily";r=49;t=172800',
      },
    });
  });

  test("of several limiters on one request are joined", async ({ serve, ask, store, clock }) => {
    const outer = fixedWindow({ name: "all", limit: 9, window: "1h" });
    const inner = fixedWindow({ name: "one", limit: 3, window: "1m" });
    const server = await serve({
      uses: [
        { of: store, policies: outer, options: { clock } },
        { of: store, policies: inner, options: { clock } },
      ],
    });
    await ask(server, {
      status: 200,
      fields: {
        "RateLimit-Policy": '"all";q=9;w=3600, "one";q=3;w=60',
        RateLimit: '"all";r=8;t=3600, "one";r=2;t=60',
      },
    });
  });

  test("of the last limiter win if they are not lists", async ({ serve, ask, store, clock }) => {
    const uses = [9, 3].map((limit) => ({
      of: createLimiter({ store, clock, policies: fixedWindow({ name: `${limit}`, limit, window: "1m" }) }),
      options: { headers: "draft-6" as const },
    }));
    const server = await serve({ uses });
    await ask(server, {
      status: 200,
      fields: { "RateLimit-Limit": "3", "RateLimit-Remaining": "2", "RateLimit-Policy": "9;w=60, 3;w=60" },
    });
  });

  test("of draft 7", async ({ serve, ask }) => {
    const server = await serve({}, { policies, headers: "draft-7" });
    await ask(server, {
      status: 200,
      fields: { RateLimit: "limit=2, remaining=1, reset=10", "RateLimit-Policy": "2;w=10" },
    });
  });

  test("of the legacy form, along with others", async ({ serve, ask, clock }) => {
    const server = await serve({}, { policies, headers: ["legacy", "draft-11"] });
    const resetAt = Math.ceil((clock.nowMs() + 10_000) / 1_000);
    await ask(server, {
      status: 200,
      fields: {
        "X-RateLimit-Limit": "2",
        "X-RateLimit-Remaining": "1",
        "X-RateLimit-Reset": String(resetAt),
        RateLimit: '"default";r=1;t=10',
      },
    });
  });

  test("of the legacy form, with the remaining seconds", async ({ serve, ask }) => {
    const server = await serve({}, { policies, headers: "legacy", legacyReset: "delta" });
    await ask(server, { status: 200, fields: { "X-RateLimit-Reset": "10", RateLimit: null } });
  });

  test("may be turned off, except for Retry-After", async ({ serve, ask }) => {
    const server = await serve({}, { policies: fixedWindow({ limit: 1, window: "10s" }), headers: false });
    const none = { RateLimit: null, "RateLimit-Policy": null, "X-RateLimit-Limit": null };
    await ask(server, { status: 200, fields: { ...none, "Retry-After": null } });
    await ask(server, { status: 429, fields: { ...none, "Retry-After": "10" } });
  });
}
