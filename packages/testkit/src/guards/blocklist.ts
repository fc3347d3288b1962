import { deepStrictEqual, equal } from "node:assert/strict";
import { failingStore, type GuardContext, isProblem } from "./guard-context.js";

/** Blocked clients are denied. */
export function blocklistGuardGroup({ test, adapter }: GuardContext): void {
  test("a blocked client gets 403 until the block is lifted or ends", async ({ serve, use, make, clock, send }) => {
    const { blocklist } = await make();
    const server = await serve({ middleware: [use("blocklist", blocklist)] });
    equal((await send(server)).status, 200);
    await blocklist.block("::ffff:127.0.0.1", { for: "10s", reason: "a secret" });
    isProblem(await send(server), 403, "Forbidden", "This client is blocked.");
    await clock.advance(10_000);
    equal((await send(server)).status, 200);
    await blocklist.block("127.0.0.0/8");
    equal((await send(server)).status, 403);
    await blocklist.unblock("127.0.0.0/8");
    equal((await send(server)).status, 200);
  });

  test("a client is found by any name that the app chooses", async ({ serve, use, store, make, clock, statuses }) => {
    const { blocklist } = await make();
    const key = (request: never) => ["everybody", adapter.header(request, "x-user") ?? "nobody"];
    const server = await serve({ middleware: [use("blocklist", store, { clock, key })] });
    await blocklist.block("ann");
    deepStrictEqual(await statuses(server, 1, { headers: { "x-user": "ann" } }), [403]);
    deepStrictEqual(await statuses(server, 1, { headers: { "x-user": "bob" } }), [200]);
    await blocklist.block("everybody");
    await clock.advance(1_000);
    deepStrictEqual(await statuses(server, 1, { headers: { "x-user": "bob" } }), [403]);
  });

  test("the app can change the response", async ({ serve, use, make, send }) => {
    const { blocklist } = await make();
    await blocklist.block("127.0.0.1", { reason: "spam" });
    const message = (_request: never, found: { reason: string }) => `for ${found.reason}`;
    const server = await serve({ middleware: [use("blocklist", blocklist, { message, statusCode: 451 })] });
    const answer = await send(server);
    deepStrictEqual([answer.status, answer.body], [451, "for spam"]);
    const handled = await serve({ middleware: [use("blocklist", blocklist, { handler: adapter.handler })] });
    equal((await send(handled)).body, "handled 403");
  });

  test("a store failure causes a 503, unless the blocklist fails open", async ({ serve, use, clock, send }) => {
    const closed = await serve({ middleware: [use("blocklist", failingStore(), { clock })] });
    equal((await send(closed)).status, 503);
    const open = await serve({ middleware: [use("blocklist", failingStore(), { clock, failOpen: true })] });
    equal((await send(open)).status, 200);
  });
}
