import { deepStrictEqual, equal } from "node:assert/strict";
import { createLimiter, fixedWindow } from "@sluice/core";
import { threeMethodsOf } from "../model.js";
import { failingStore, type GuardContext, type GuardTools, isProblem } from "./guard-context.js";

const POST = { method: "POST" };

/** Checks can be combined, and are charged together or not at all. */
export function listGuardGroup({ test, adapter }: GuardContext): void {
  /** Creates a limiter on the test's store. */
  function limiterOf({ store, clock }: GuardTools, name: string, limit: number) {
    return createLimiter({ store, clock, policies: fixedWindow({ name, limit, window: "1m" }) });
  }

  const header = (name: string) => (request: never) => adapter.header(request, name);

  test("the first check that denies answers, in the order of the list", async (tools) => {
    const { serve, use, check, make, send, statuses, store, clock } = tools;
    const { blocklist, registry } = await make({ registry: {} });
    const limits = limiterOf(tools, "all", 1);
    const once = check("once", store, { clock });
    const checks = [
      check("blocked", blocklist),
      check("registered", registry, { id: header("x-api-key") }),
      once,
      check("limit", limits),
    ];
    const server = await serve({ middleware: [use("guard", checks)] });
    const as = (id: string) => ({ ...POST, headers: { "x-api-key": id } });
    isProblem(await send(server, as("ann")), 403, "Forbidden", "This client is not registered.");
    await registry.register("ann");
    await clock.advance(1_000);
    deepStrictEqual(await statuses(server, 2, as("ann")), [200, 409]);
    equal((await send(server, { ...as("ann"), path: "/b" })).status, 429);
    await blocklist.block("127.0.0.1");
    isProblem(await send(server, as("bob")), 403, "Forbidden", "This client is blocked.");
    const turned = await serve({ middleware: [use("guard", [check("limit", limits), once])] });
    equal((await send(turned, as("ann"))).status, 429);
  });

  for (const [kind, isPlain] of [
    ["that decides", false],
    ["with three methods", true],
  ] as const) {
    test(`several limits are charged together or not at all, on a store ${kind}`, async (tools) => {
      const { serve, use, check, statuses, send } = tools;
      const store = isPlain ? threeMethodsOf(tools.store) : tools.store;
      const burst = limiterOf({ ...tools, store }, "burst", 3);
      const daily = limiterOf({ ...tools, store }, "daily", 2);
      const server = await serve({ middleware: [use("guard", [check("limit", burst), check("limit", daily)])] });
      const { headers } = await send(server);
      equal(headers.get("ratelimit"), '"burst";r=2;t=60, "daily";r=1;t=60');
      equal(headers.get("ratelimit-policy"), '"burst";q=3;w=60, "daily";q=2;w=60');
      deepStrictEqual(await statuses(server, 3), [200, 429, 429]);
      const left = [await burst.peek("127.0.0.1"), await daily.peek("127.0.0.1")];
      deepStrictEqual(
        left.map(({ remaining }) => remaining),
        [1, 0],
      );
    });
  }

  test("charges on one store are refunded if another store denies", async (tools) => {
    const { serve, use, check, statuses, clock } = tools;
    const first = limiterOf(tools, "first", 5);
    const other = { ...tools, store: threeMethodsOf(tools.store) };
    const second = createLimiter({
      store: other.store,
      clock,
      policies: fixedWindow({ name: "second", limit: 1, window: "1m" }),
    });
    const server = await serve({ middleware: [use("guard", [check("limit", first), check("limit", second)])] });
    deepStrictEqual(await statuses(server, 3), [200, 429, 429]);
    equal((await first.peek("127.0.0.1")).remaining, 4);
  });

  test("the result of each check is on the request", async (tools) => {
    const { serve, use, check, store, clock, send } = tools;
    const checks = [
      check("once", store, { clock, requestProperty: "seen" }),
      check("limit", limiterOf(tools, "all", 9), { requestProperty: "quota" }),
    ];
    for (const [property, part] of [
      ["seen", '"duplicate":false'],
      ["quota", '"remaining":'],
    ] as const) {
      const server = await serve({ middleware: [use("guard", checks)], property });
      const { body } = await send(server, { ...POST, path: `/${property}` });
      equal(body.includes(part), true, body);
    }
  });

  test("a custom check denies before anything is charged", async (tools) => {
    const { serve, use, check, statuses, send } = tools;
    const limits = limiterOf(tools, "all", 3);
    const maintenance = {
      name: "maintenance",
      judge: () => ({
        deny: () => ({
          reason: "maintenance",
          found: undefined,
          status: 503,
          contentType: "text/plain",
          body: "Back at noon.",
          fields: [{ name: "Retry-After", value: "60", append: false }],
          name: undefined,
        }),
      }),
    };
    const server = await serve({ middleware: [use("guard", [check("limit", limits), maintenance])] });
    const { status, headers, body } = await send(server);
    deepStrictEqual([status, headers.get("retry-after"), body], [503, "60", "Back at noon."]);
    deepStrictEqual(await statuses(server, 3), [503, 503, 503]);
    equal((await limits.peek("127.0.0.1")).remaining, 3);
    const handled = await serve({ middleware: [use("guard", [maintenance], { handler: adapter.handler })] });
    equal((await send(handled)).body, "handled 503");
  });

  test("a slow look that denies causes a refund of charges made in the meantime", async (tools) => {
    const { serve, use, check, statuses } = tools;
    const limits = limiterOf(tools, "all", 3);
    const captcha = {
      name: "captcha",
      look: async (who: { request: never }) => header("x-captcha")(who.request) === "solved",
      judge: (_who: unknown, { looked }: { looked: unknown }) =>
        looked === true
          ? {}
          : {
              deny: () => ({
                reason: "captcha",
                found: undefined,
                status: 403,
                contentType: "text/plain",
                body: "",
                fields: [],
                name: undefined,
              }),
            },
    };
    const server = await serve({ middleware: [use("guard", [captcha, check("limit", limits)])] });
    deepStrictEqual(await statuses(server, 2), [403, 403]);
    equal((await limits.peek("127.0.0.1")).remaining, 3);
    deepStrictEqual(await statuses(server, 1, { headers: { "x-captcha": "solved" } }), [200]);
    equal((await limits.peek("127.0.0.1")).remaining, 2);
  });

  test("a failed request is refunded by all checks", async (tools) => {
    const { serve, use, check, store, clock, statuses } = tools;
    const limits = limiterOf(tools, "all", 3);
    const refundWhen = ({ status }: { status: number }) => status >= 500;
    const next = [500, 500, 200];
    const server = await serve({
      middleware: [use("guard", [check("once", store, { clock }), check("limit", limits)], { refundWhen })],
      status: () => next.shift() ?? 200,
    });
    deepStrictEqual(await statuses(server, 4, POST), [500, 500, 200, 409]);
    equal((await limits.peek("127.0.0.1")).remaining, 2);
  });

  test("a dry run charges, and lets every request through", async (tools) => {
    const { serve, use, check, send } = tools;
    const limits = limiterOf(tools, "all", 1);
    const server = await serve({ middleware: [use("guard", [check("limit", limits)], { dryRun: "marked" })] });
    const results: (string | null)[] = [];
    for (let i = 0; i < 2; i++) results.push((await send(server)).headers.get("sluice-dry-run"));
    deepStrictEqual(results, ["allowed", "denied"]);
  });

  test("while a store fails, the first check on it answers 503", async (tools) => {
    const { serve, use, check, clock, send } = tools;
    const checks = [check("blocked", failingStore(), { clock }), check("limit", limiterOf(tools, "all", 1))];
    const server = await serve({ middleware: [use("guard", checks)] });
    for (let i = 0; i < 3; i++) equal((await send(server)).status, 503);
    equal((await limiterOf(tools, "all", 1).peek("127.0.0.1")).remaining, 1);
  });
}
