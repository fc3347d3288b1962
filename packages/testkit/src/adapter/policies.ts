import { fixedWindow, type Policy, tokenBucket } from "@sluice/core";
import { type AdapterContext, client, sameError } from "./context.js";

/** Which policies decide a request, and its cost. */
export function policiesGroup<Req, Handler>({ test, adapter }: AdapterContext<Req, Handler>): void {
  const free = fixedWindow({ name: "plan", limit: 2, window: "10s" });
  const paid = fixedWindow({ name: "plan", limit: 5, window: "10s" });
  const key = (request: Req): string => adapter.header(request, "x-client") ?? "nobody";

  const choices: readonly (readonly [how: string, policies: (request: Req) => Policy | Policy[] | Promise<Policy>])[] =
    [
      ["the same objects", (request) => (key(request) === "ada" ? paid : free)],
      ["new objects each time", (request) => [{ ...(key(request) === "ada" ? paid : free) }]],
      ["asynchronously", async (request) => (key(request) === "ada" ? paid : free)],
    ];
  for (const [how, policies] of choices) {
    test(`are chosen by a function of the request: ${how}`, async ({ serve, ask }) => {
      const server = await serve({}, { policies, key });
      const paying = { "RateLimit-Policy": '"plan";q=5;w=10', RateLimit: '"plan";r=4;t=10' };
      await ask(server, { status: 200, fields: paying }, client("ada"));
      await ask(server, { status: 200, fields: { "RateLimit-Policy": '"plan";q=2;w=10' } }, client("grace"));
      await ask(server, { status: 200 }, client("grace"));
      await ask(server, { status: 429 }, client("grace"));
      await ask(server, { status: 200, fields: { RateLimit: '"plan";r=3;t=10' } }, client("ada"));
    });
  }

  test("keep the usage of a client that changes plans", async ({ serve, ask }) => {
    let plan = free;
    const server = await serve({}, { policies: () => plan, key });
    await ask(server, { status: 200 });
    plan = paid;
    await ask(server, { status: 200, fields: { RateLimit: '"plan";r=3;t=10' } });
  });

  test("are read again from an array that changes", async ({ serve, ask }) => {
    const policies: Policy[] = [free];
    const server = await serve({}, { policies: () => policies });
    await ask(server, { status: 200, fields: { "RateLimit-Policy": '"plan";q=2;w=10' } });
    policies[0] = paid;
    await ask(server, { status: 200, fields: { "RateLimit-Policy": '"plan";q=5;w=10' } });
  });

  for (const none of [undefined, null, [], "free", {}]) {
    test(`cause an error if a function returns ${JSON.stringify(none)}, and let no request through`, async (tools) => {
      const { serve, ask } = tools;
      const server = await serve({}, { policies: () => none as unknown as Policy });
      await ask(server, { status: 500, fields: { RateLimit: null } });
    });
  }

  test("include a cost for all requests", async ({ serve, ask }) => {
    const server = await serve({}, { policies: fixedWindow({ limit: 10, window: "10s" }), cost: 4 });
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=6;t=10' } });
    await ask(server, { status: 200, fields: { RateLimit: '"default";r=2;t=10' } });
    await ask(server, { status: 429, fields: { RateLimit: '"default";r=2;t=10' } });
  });

  for (const later of [false, true]) {
    test(`include a cost for each request${later ? ", also asynchronously" : ""}`, async ({ serve, ask }) => {
      const find = (request: Req): number => Number(adapter.header(request, "x-cost") ?? 1);
      const cost = later ? async (request: Req) => find(request) : find;
      const costing = (units: number): RequestInit => ({ headers: { "x-cost": String(units) } });
      const server = await serve({}, { policies: tokenBucket({ rate: 1, burst: 10 }), cost });
      await ask(server, { status: 200, fields: { RateLimit: '"default";r=7;t=7' } }, costing(3));
      await ask(server, { status: 429, fields: { "Retry-After": "1" } }, costing(8));
      await ask(server, { status: 200, fields: { RateLimit: '"default";r=6;t=6' } });
      await ask(server, { status: 200, fields: { RateLimit: '"default";r=0;t=1' } }, costing(6));
      await ask(server, { status: 429, fields: { "Retry-After": "6" } }, costing(6));
    });
  }

  for (const cost of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "2", undefined, null]) {
    test(`cause an error for a cost of ${String(cost)}, and let no request through`, async ({ serve, ask }) => {
      const server = await serve({}, { policies: free, cost: () => cost as number });
      await ask(server, { status: 500, fields: { RateLimit: null } });
      sameError(server, "INVALID_COST");
      const later = await serve({}, { policies: free, cost: async () => cost as number });
      await ask(later, { status: 500, fields: { RateLimit: null } });
      sameError(later, "INVALID_COST");
    });
  }
}
