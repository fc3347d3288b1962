import { deepStrictEqual, equal } from "node:assert/strict";
import { failingStore, type GuardContext, isProblem } from "./guard-context.js";

/** Only registered clients get through. */
export function registryGuardGroup({ test, adapter }: GuardContext): void {
  const id = (request: never): string | undefined => adapter.header(request, "x-api-key");
  const as = (key: string) => ({ headers: { "x-api-key": key } });

  test("registered clients get through, and others do not", async ({ serve, use, make, clock, send, statuses }) => {
    const { registry } = await make({ registry: {} });
    const server = await serve({
      middleware: [use("requireRegistered", registry, { id })],
      property: "registeredClient",
    });
    isProblem(await send(server), 403, "Forbidden", "This client is not registered.");
    isProblem(await send(server, as("ann")), 403, "Forbidden", "This client is not registered.");
    await registry.ensure("ann");
    await clock.advance(1_000);
    deepStrictEqual(await statuses(server, 1, as("ann")), [403]);
    await registry.register("ann", { plan: "free" });
    const { status, body } = await send(server, as("ann"));
    const { found } = JSON.parse(body) as { found: { id: string; fields: unknown } };
    deepStrictEqual([status, found.id, found.fields], [200, "ann", { plan: "free" }]);
  });

  test("a skipped request has no registered client", async ({ serve, use, make, send }) => {
    const { registry } = await make({ registry: {} });
    const middleware = [use("requireRegistered", registry, { id, skip: () => true })];
    const server = await serve({ middleware, property: "registeredClient" });
    const { status, body } = await send(server);
    deepStrictEqual([status, (JSON.parse(body) as { found: unknown }).found], [200, null]);
  });

  test("a client that gets through counts as seen", async ({ serve, use, make, clock, statuses }) => {
    const { registry } = await make({ registry: {} });
    await registry.register("ann");
    const server = await serve({ middleware: [use("requireRegistered", registry, { id })] });
    await clock.advance(60_000);
    deepStrictEqual(await statuses(server, 3, as("ann")), [200, 200, 200]);
    equal((await registry.get("ann"))?.lastSeenMs, clock.nowMs());
  });

  test("the app can change the response, and a store failure causes a 503", async ({
    serve,
    use,
    store,
    clock,
    send,
  }) => {
    const message = (_request: never, found: unknown) => (found === undefined ? "who are you?" : "not yet");
    const server = await serve({
      middleware: [use("requireRegistered", store, { clock, id, message, statusCode: 401 })],
    });
    const answer = await send(server, as("ann"));
    deepStrictEqual([answer.status, answer.body], [401, "who are you?"]);
    const handled = await serve({
      middleware: [use("requireRegistered", store, { clock, id, handler: adapter.handler })],
    });
    equal((await send(handled)).body, "handled 403");
    const failing = await serve({ middleware: [use("requireRegistered", failingStore(), { clock, id })] });
    equal((await send(failing, as("ann"))).status, 503);
  });
}
