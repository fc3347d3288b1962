import { deepStrictEqual, equal, match } from "node:assert/strict";
import { fixedWindow } from "@sluice/core";
import { threeMethodsOf } from "../model.js";
import { failingStore, type GuardContext, isProblem } from "./guard-context.js";

const POST = { method: "POST" };

const limiter = { policies: fixedWindow({ limit: 3, window: "1m" }) };

/** All protections share one admission, which charges all or none. */
export function protectGuardGroup({ test, adapter }: GuardContext): void {
  test("403 goes before 409, and 409 before 429", async ({ serve, use, make, send, statuses }) => {
    const protections = await make({ limiter });
    const server = await serve({ middleware: [use("protect", protections)] });
    deepStrictEqual(await statuses(server, 2, { method: "POST", path: "/a" }), [200, 409]);
    deepStrictEqual(await statuses(server, 2, { method: "POST", path: "/b" }), [200, 409]);
    deepStrictEqual(await statuses(server, 2, { method: "POST", path: "/c" }), [200, 409]);
    const over = await send(server, { method: "POST", path: "/d" });
    deepStrictEqual([over.status, over.headers.get("retry-after")], [429, "60"]);
    const duplicate = await send(server, { method: "POST", path: "/a" });
    isProblem(duplicate, 409, "Conflict", "The same request was received a moment ago.");
    deepStrictEqual(
      [duplicate.headers.get("retry-after"), duplicate.headers.get("ratelimit")],
      [null, '"default";r=0;t=60'],
    );
    await protections.blocklist.block("127.0.0.1");
    isProblem(await send(server, { method: "POST", path: "/a" }), 403, "Forbidden", "This client is blocked.");
  });

  for (const [kind, three] of [
    ["synchronously", false],
    ["asynchronously", true],
  ] as const) {
    test(`a duplicate is not charged, and a denied request opens no window: ${kind}`, async (tools) => {
      const { serve, use, make, store, clock, statuses, send } = tools;
      const protections = await make({
        limiter,
        debounce: { window: "1h" },
        ...(three && { store: threeMethodsOf(store) }),
      });
      const server = await serve({ middleware: [use("protect", protections)], property: "rateLimit" });
      deepStrictEqual(await statuses(server, 5, { method: "POST", path: "/a" }), [200, 409, 409, 409, 409]);
      const { headers, body } = await send(server, { method: "POST", path: "/b" });
      equal(headers.get("ratelimit"), '"default";r=1;t=60');
      match(body, /"remaining":1/);
      deepStrictEqual(await statuses(server, 1, { method: "POST", path: "/c" }), [200]);
      deepStrictEqual(await statuses(server, 2, { method: "POST", path: "/d" }), [429, 429]);
      await clock.advance(60_000);
      deepStrictEqual(await statuses(server, 2, { method: "POST", path: "/d" }), [200, 409]);
    });
  }

  test("safe methods are never duplicates", async ({ serve, use, make, statuses }) => {
    const server = await serve({ middleware: [use("protect", await make({ limiter }))] });
    deepStrictEqual(await statuses(server, 4), [200, 200, 200, 429]);
  });

  test("a blocked client is not charged", async ({ serve, use, make, statuses, clock }) => {
    const protections = await make({ limiter });
    await protections.blocklist.block("127.0.0.0/8", { for: "10s" });
    const server = await serve({ middleware: [use("protect", protections)] });
    deepStrictEqual(await statuses(server, 3), [403, 403, 403]);
    equal((await protections.limiter.peek("127.0.0.1")).remaining, 3);
    await clock.advance(10_000);
    deepStrictEqual(await statuses(server, 2, POST), [200, 409]);
  });

  test("a key by names is limited and blocked by each name", async ({ serve, use, make, statuses }) => {
    const protections = await make({ limiter });
    const key = (request: never) => ({ default: adapter.header(request, "x-user") ?? "nobody" });
    const server = await serve({ middleware: [use("protect", protections, { key })] });
    await protections.blocklist.block("ann");
    const as = (user: string) => ({ ...POST, headers: { "x-user": user } });
    deepStrictEqual(await statuses(server, 1, as("ann")), [403]);
    deepStrictEqual(await statuses(server, 2, as("bob")), [200, 409]);
    deepStrictEqual(await statuses(server, 2, as("cid")), [200, 409]);
  });

  test("a failed request is refunded, and may be repeated", async ({ serve, use, make, statuses }) => {
    const protections = await make({ limiter });
    const refundWhen = ({ status }: { status: number }) => status >= 500;
    const next = [500, 500, 500, 500];
    const server = await serve({
      middleware: [use("protect", protections, { refundWhen })],
      status: () => next.shift() ?? 200,
    });
    deepStrictEqual(await statuses(server, 6, POST), [500, 500, 500, 500, 200, 409]);
    equal((await protections.limiter.peek("127.0.0.1")).remaining, 2);
  });

  test("the app can change the response for each reason", async ({ serve, use, make, send }) => {
    const protections = await make({ limiter: { policies: fixedWindow({ limit: 1, window: "1m" }) } });
    const options = {
      message: () => "slower",
      duplicate: { statusCode: 408, message: "again?" },
      blocked: { message: (_request: never, { key }: { key: string }) => `not ${key}` },
    };
    const server = await serve({ middleware: [use("protect", protections, options)] });
    const results: [number, string][] = [];
    const ask = async (path: string): Promise<void> => {
      const { status, body } = await send(server, { method: "POST", path });
      if (status !== 200) results.push([status, body]);
    };
    await ask("/a");
    await ask("/a");
    await ask("/b");
    await protections.blocklist.block("127.0.0.1");
    await ask("/a");
    deepStrictEqual(results, [
      [408, "again?"],
      [429, "slower"],
      [403, "not 127.0.0.1"],
    ]);
    const handled = await serve({ middleware: [use("protect", protections, { handler: adapter.handler })] });
    equal((await send(handled)).body, "handled 403");
  });

  test("a dry run lets every request through, and reports the decisions", async ({ serve, use, make, send }) => {
    const protections = await make({ limiter });
    const server = await serve({ middleware: [use("protect", protections, { dryRun: "marked" })] });
    const results: (string | null)[] = [];
    for (let i = 0; i < 3; i++) {
      const { status, headers } = await send(server, POST);
      equal(status, 200);
      results.push(headers.get("sluice-dry-run"));
      if (i === 1) await protections.blocklist.block("127.0.0.1");
    }
    deepStrictEqual(results, ["allowed", "denied", "denied"]);
  });

  test("exactly one of many concurrent requests goes through", async ({ serve, use, make, send }) => {
    const server = await serve({ middleware: [use("protect", await make())] });
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(server, POST)));
    deepStrictEqual(answers.map(({ status }) => status).sort(), [200, ...new Array(19).fill(409)]);
  });

  test("a store failure causes a 503, unless all parts fail open", async ({ serve, use, make, statuses }) => {
    const closed = await serve({ middleware: [use("protect", await make({ store: failingStore() }))] });
    deepStrictEqual(await statuses(closed, 2), [503, 503]);
    const open = await serve({ middleware: [use("protect", await make({ store: failingStore(), failOpen: true }))] });
    deepStrictEqual(await statuses(open, 2), [200, 200]);
  });
}
