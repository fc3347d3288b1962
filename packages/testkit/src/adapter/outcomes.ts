import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { createLimiter, fixedWindow } from "@sluice/core";
import type { ResponseOutcome } from "@sluice/core/http";
import type { RouteKind } from "./adapter.js";
import type { AdapterContext } from "./context.js";
import { until } from "./until.js";

/** A request is refunded depending on its outcome, but never if its client left or it was denied. */
export function outcomesGroup<Req, Handler>({ test, adapter }: AdapterContext<Req, Handler>): void {
  const policies = fixedWindow({ limit: 2, window: "10s" });
  const key = () => "client";
  const failed = ({ status, aborted }: ResponseOutcome): boolean => aborted || status >= 400;
  const answering = (status: number): RequestInit => ({ headers: { "x-status": String(status) } });

  for (const later of [false, true]) {
    test(`happen if refundWhen returns true${later ? ", also asynchronously" : ""}`, async ({
      serve,
      ask,
      store,
      clock,
    }) => {
      const limiter = createLimiter({ store, policies, clock });
      const refundWhen = later ? async (outcome: ResponseOutcome) => failed(outcome) : failed;
      const server = await serve({ route: "status", uses: [{ of: limiter, options: { key, refundWhen } }] });
      for (const status of [500, 404, 401]) {
        await ask(server, { status, fields: { RateLimit: '"default";r=1;t=10' } }, answering(status));
        await until(async () => (await limiter.peek("client")).remaining === 2);
      }
      await ask(server, { status: 200 }, answering(200));
      await ask(server, { status: 200 }, answering(200));
      await ask(server, { status: 429 }, answering(200));
    });
  }

  const kinds: readonly (readonly [what: string, route: RouteKind, status: number])[] = [
    ["throws", "throw", 500],
    ["rejects", "reject", 500],
    ["does not exist", "none", 404],
  ];
  for (const [what, route, status] of kinds) {
    test(`ask refundWhen about a route that ${what}, with its status and the request`, async ({
      serve,
      ask,
      store,
      clock,
    }) => {
      const limiter = createLimiter({ store, policies, clock });
      const seen: string[] = [];
      const refundWhen = (outcome: ResponseOutcome, request: Req) => {
        seen.push(`${outcome.status} ${outcome.aborted} ${adapter.header(request, "x-client")}`);
        return true;
      };
      const server = await serve({ route, uses: [{ of: limiter, options: { key, refundWhen } }] });
      await ask(server, { status }, { headers: { "x-client": "ada" } });
      await until(async () => (await limiter.peek("client")).remaining === 2);
      deepStrictEqual(seen, [`${status} false ada`]);
    });
  }

  for (const route of ["text", "stream", "throw"] as const) {
    test(`ask refundWhen once about a response of the route "${route}"`, async ({ serve, ask, store, clock }) => {
      const limiter = createLimiter({ store, policies, clock });
      let asked = 0;
      const refundWhen = () => {
        asked++;
        return true;
      };
      const server = await serve({ route, uses: [{ of: limiter, options: { key, refundWhen } }] });
      for (let i = 1; i <= 3; i++) {
        await ask(server, { status: route === "throw" ? 500 : 200 });
        await until(async () => (await limiter.peek("client")).remaining === 2);
        equal(asked, i);
      }
    });
  }

  test("do not happen for a denied request", async ({ serve, ask, store, clock }) => {
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 1, window: "10s" }), clock });
    let asked = 0;
    const refundWhen = (outcome: ResponseOutcome) => {
      asked++;
      return outcome.status === 429;
    };
    const server = await serve({ uses: [{ of: limiter, options: { key, refundWhen } }] });
    await ask(server, { status: 200 });
    for (let i = 0; i < 3; i++) await ask(server, { status: 429 });
    await until(() => asked > 0);
    equal(asked, 1);
  });

  test("do not happen for a value that is not a boolean", async ({ serve, ask }) => {
    let asked = 0;
    const refundWhen = () => {
      asked++;
      return "no" as unknown as boolean;
    };
    const server = await serve({}, { policies, key, refundWhen });
    await ask(server, { status: 200 });
    await until(() => asked === 1);
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=0;t=10' } });
  });

  test("are reported once on the console if they fail", async ({ serve, ask, quiet }) => {
    const warnings = quiet();
    const refundWhen = () => Promise.reject(new Error("by the app"));
    const server = await serve({}, { policies, key, refundWhen });
    await ask(server, { status: 200 });
    await ask(server, { status: 200 });
    await until(() => warnings.length > 0);
    equal(warnings.length, 1);
    ok(warnings[0]?.includes("REFUND_FAILED"), warnings[0]);
  });

  test("never happen if the client left: of 20 requests with a limit of 2, only 2 reach the route", async (tools) => {
    const { serve, store, clock } = tools;
    const limiter = createLimiter({ store, policies, clock });
    let asked = 0;
    const refundWhen = (outcome: ResponseOutcome) => {
      asked++;
      return failed(outcome);
    };
    let reached = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const hold = () => {
      reached++;
      return held;
    };
    const server = await serve({ route: "hold", hold, uses: [{ of: limiter, options: { key, refundWhen } }] });
    for (let i = 0; i < 20; i++) {
      const before = reached;
      const leave = new AbortController();
      const answered = fetch(server.url, { signal: leave.signal }).then(
        ({ status }) => status,
        () => "left",
      );
      if (i < 2) await until(() => reached > before);
      else equal(await answered, 429);
      leave.abort();
      equal(await answered, i < 2 ? "left" : 429);
    }
    release();
    await aWhile();
    equal(reached, 2);
    equal(asked, 0);
    equal((await limiter.peek("client")).remaining, 0);
    deepStrictEqual(
      server.errors.filter((error) => !isHangUp(error)),
      [],
    );
  });

  test("never happen if the client leaves a stream before its end", async ({ serve, ask, store, clock }) => {
    const limiter = createLimiter({ store, policies, clock });
    let asked = 0;
    const refundWhen = () => {
      asked++;
      return true;
    };
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const uses = [{ of: limiter, options: { key, refundWhen } }];
    const server = await serve({ route: "stream", hold: () => held, uses });
    const leave = new AbortController();
    const { body } = await fetch(server.url, { signal: leave.signal });
    await body?.getReader().read();
    leave.abort();
    await aWhile();
    release();
    await aWhile();
    equal(asked, 0);
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=0;t=10' }, body: "one,two" });
    await until(() => asked === 1);
  });
}

/** Long enough for a server in the same process to notice, and for routes to end and refund. */
async function aWhile(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Koa reports clients that leave as errors of the app. */
function isHangUp(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}
