import { deepStrictEqual, equal, match } from "node:assert/strict";
import { failingStore, type GuardContext, isProblem } from "./guard-context.js";

/** A request without a body. */
const EMPTY = { method: "POST" };

const POST = { method: "POST", body: { a: 1, b: [2, { c: 3, d: 4 }] } };

/** A request that was seen within the window gets 409. */
export function debounceGuardGroup({ test, adapter }: GuardContext): void {
  test("a duplicate gets 409 until its window ends", async ({ serve, use, store, clock, send }) => {
    const server = await serve({ middleware: [use("debounce", store, { clock, window: "10s" })] });
    equal((await send(server, EMPTY)).status, 200);
    await clock.advance(9_999);
    const duplicate = await send(server, EMPTY);
    isProblem(duplicate, 409, "Conflict", "The same request was received a moment ago.");
    equal(duplicate.headers.get("retry-after"), null);
    await clock.advance(1);
    deepStrictEqual([(await send(server, EMPTY)).status, (await send(server, EMPTY)).status], [200, 409]);
  });

  test("a request with another method, path, query, body or client is not a duplicate", async ({
    serve,
    use,
    store,
    clock,
    send,
  }) => {
    const key = (request: never) => adapter.header(request, "x-client") ?? "somebody";
    const server = await serve({ middleware: [use("debounce", store, { clock, key })] });
    const different = [
      POST,
      { ...POST, method: "PUT" },
      { ...POST, path: "/b" },
      { ...POST, path: "/?b" },
      { ...POST, body: { a: 1, b: [{ c: 3, d: 4 }, 2] } },
      { ...POST, body: { a: 1 } },
      { ...POST, body: {} },
      { method: "POST" },
      { ...POST, headers: { "x-client": "other" } },
    ];
    const results: number[] = [];
    for (const request of [...different, ...different]) results.push((await send(server, request)).status);
    deepStrictEqual(results, [...different.map(() => 200), ...different.map(() => 409)]);
  });

  test("the route reads the same body as without debounce", async ({ serve, use, store, clock, send }) => {
    const server = await serve({ middleware: [use("debounce", store, { clock })], property: "debounce" });
    const { body } = await send(server, POST);
    deepStrictEqual(JSON.parse(body), { found: { duplicate: false, windowEndsInMs: 1_000 }, body: POST.body });
  });

  test("exactly one of many concurrent requests goes through", async ({ serve, use, store, send }) => {
    const server = await serve({ middleware: [use("debounce", store, { window: "1h" })] });
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(server, POST)));
    equal(answers.filter(({ status }) => status === 200).length, 1);
  });

  if (!adapter.readsBodies) {
    test("a body that was not read causes a warning, and no duplicates", async (tools) => {
      const { serve, use, store, clock, statuses, quiet } = tools;
      const warnings = quiet();
      const server = await serve({
        middleware: [use("debounce", store, { clock, name: "orders" })],
        parsesBodies: false,
      });
      deepStrictEqual(await statuses(server, 3, POST), [200, 200, 200]);
      deepStrictEqual(await statuses(server, 2, EMPTY), [200, 409]);
      equal(warnings.length, 1);
      match(
        warnings[0] as string,
        /^\[sluice\] BODY_NOT_READ \(debounce "orders"\): .*docs\/errors\/BODY_NOT_READ\.md$/,
      );
    });
  }

  test("safe methods are never duplicates, unless the options name them", async (tools) => {
    const { serve, use, store, clock, statuses } = tools;
    const fingerprint = () => "the same";
    for (const options of [{ clock }, { clock, fingerprint, prefix: "own" }]) {
      const server = await serve({ middleware: [use("debounce", store, options)] });
      for (const method of ["GET", "HEAD", "OPTIONS"]) {
        deepStrictEqual(await statuses(server, 3, { method }), [200, 200, 200]);
      }
      deepStrictEqual(await statuses(server, 2, { method: "DELETE" }), [200, 409]);
    }
    const named = await serve({ middleware: [use("debounce", store, { clock, methods: ["GET"], prefix: "named" })] });
    deepStrictEqual(await statuses(named, 2), [200, 409]);
    deepStrictEqual(await statuses(named, 2, EMPTY), [200, 200]);
  });

  test("methods, fingerprint and skip select the requests", async (tools) => {
    const { serve, use, store, clock, statuses } = tools;
    const header = (name: string) => (request: never) => adapter.header(request, name);
    const options = {
      clock,
      methods: ["POST", "DELETE"],
      fingerprint: header("idempotency-key"),
      skip: (request: never) => adapter.header(request, "x-admin") === "yes",
    };
    const server = await serve({ middleware: [use("debounce", store, options)] });
    const keyed = { "idempotency-key": "42" };
    deepStrictEqual(await statuses(server, 2, { headers: keyed }), [200, 200]);
    deepStrictEqual(await statuses(server, 2, { method: "POST", headers: keyed, body: { n: 1 } }), [200, 409]);
    deepStrictEqual(await statuses(server, 1, { method: "DELETE", headers: keyed }), [409]);
    deepStrictEqual(await statuses(server, 2, { method: "POST" }), [200, 200]);
    deepStrictEqual(await statuses(server, 2, { method: "POST", headers: { "idempotency-key": "" } }), [200, 200]);
    deepStrictEqual(await statuses(server, 1, { method: "POST", headers: { ...keyed, "x-admin": "yes" } }), [200]);
  });

  test("a failed request may be repeated if the option allows it", async ({ serve, use, store, clock, statuses }) => {
    const next = [500, 500, 200];
    const server = await serve({
      middleware: [use("debounce", store, { clock, forgetWhen: ({ status }: { status: number }) => status >= 500 })],
      status: () => next.shift() ?? 200,
    });
    deepStrictEqual(await statuses(server, 4, EMPTY), [500, 500, 200, 409]);
  });

  test("the app can change the response", async ({ serve, use, store, clock, send }) => {
    const message = (_request: never, found: { windowEndsInMs: number }) => ({ wait: found.windowEndsInMs });
    const options = { clock, statusCode: 422, message };
    const server = await serve({ middleware: [use("debounce", store, options)] });
    await send(server, EMPTY);
    const answer = await send(server, EMPTY);
    deepStrictEqual([answer.status, answer.body], [422, '{"wait":1000}']);
    const handled = await serve({ middleware: [use("debounce", store, { clock, handler: adapter.handler })] });
    const other = await send(handled, EMPTY);
    deepStrictEqual([other.status, other.body], [409, "handled 409"]);
  });

  test("a store failure causes a 503, unless the debouncer fails open", async ({ serve, use, clock, send }) => {
    const closed = await serve({ middleware: [use("debounce", failingStore(), { clock })] });
    const answer = await send(closed, EMPTY);
    deepStrictEqual([answer.status, answer.headers.get("content-type")], [503, "application/problem+json"]);
    const open = await serve({ middleware: [use("debounce", failingStore(), { clock, failOpen: true })] });
    deepStrictEqual([(await send(open, EMPTY)).status, (await send(open, EMPTY)).status], [200, 200]);
  });
}
