import { manualClock, modelStore } from "@sluice/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { createRegistry, type JsonValue, type Registry, type RegistryOptions } from "../src/index.js";
import { type CountedStore, countedStore } from "./counted-store.js";

let store: CountedStore;
let clock: ReturnType<typeof manualClock>;
let clients: Registry;
beforeEach(() => {
  store = countedStore();
  clock = manualClock(1_700_000_000_000);
  clients = open();
});

function open(options: Partial<RegistryOptions> = {}): Registry {
  return createRegistry({ store, clock, ...options });
}

it("writes once a minute and reads once a second, however often a client is seen", async () => {
  for (let second = 0; second < 120; second++) {
    for (let i = 0; i < 10; i++) await clients.ensure("ann");
    await clock.advance(1_000);
  }
  expect([store.calls(), store.writes()]).toEqual([120, 2]);
});

it("counts a check of registration as a sighting", async () => {
  await clients.register("ann");
  await clock.advance(60_000);
  expect(await clients.isRegistered("ann")).toBe(true);
  expect((await clients.see("ann"))?.lastSeenMs).toBe(clock.nowMs());
});

it("reads once for all concurrent calls", async () => {
  const seen = await Promise.all(Array.from({ length: 20 }, () => clients.ensure("ann", { n: 1 })));
  expect(new Set(seen.map(({ firstSeenMs }) => firstSeenMs)).size).toBe(1);
  expect(store.calls()).toBe(1);
});

it("includes changes by this process immediately", async () => {
  expect(await clients.isRegistered("ann")).toBe(false);
  expect(await clients.see("ann")).toBeUndefined();
  await clients.register("ann");
  expect(await clients.isRegistered("ann")).toBe(true);
  await clients.update("ann", { n: 1 });
  expect((await clients.see("ann"))?.fields).toEqual({ n: 1 });
  await clients.remove("ann");
  expect([await clients.isRegistered("ann"), await clients.see("ann")]).toEqual([false, undefined]);
});

it("stores a copy of the fields, with any names", async () => {
  const fields = JSON.parse('{"__proto__": {"a": [1, null, "x"]}, "constructor": true, "": -1.5}');
  await clients.register("ann", fields);
  fields.constructor = false;
  expect(JSON.stringify((await clients.get("ann"))?.fields)).toBe(
    '{"__proto__":{"a":[1,null,"x"]},"constructor":true,"":-1.5}',
  );
  await clients.update("ann", (before: Record<string, JsonValue>) => {
    before[""] = "changed in place";
    return { kept: before[""] };
  });
  expect((await clients.get("ann"))?.fields).toEqual({ kept: "changed in place" });
});

it("reports failures of the store", async () => {
  store.fails = true;
  for (const call of [clients.get("a"), clients.isRegistered("a"), clients.register("a"), clients.ensure("a")]) {
    await expect(call).rejects.toMatchObject({ code: "STORE_FAILED" });
  }
  const silent = createRegistry({ store: { ...modelStore(), atomicUpdate: () => new Promise(() => {}) }, timeout: 20 });
  await expect(silent.get("a")).rejects.toMatchObject({ code: "STORE_TIMEOUT" });
});

describe("wrong arguments", () => {
  it.each(["", undefined, null, 7])("refuses the id %j", async (id) => {
    const key = id as string;
    for (const call of [
      () => clients.get(key),
      () => clients.ensure(key),
      () => clients.register(key),
      () => clients.update(key, {}),
      () => clients.isRegistered(key),
      () => clients.remove(key),
      async () => clients.see(key),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "INVALID_KEY" });
    }
  });

  const circle: Record<string, unknown> = {};
  circle.circle = circle;
  it.each([
    ["fields", null],
    ["fields", []],
    ["fields", "text"],
    ["fields", new Date(0)],
    ["fields.a", { a: undefined }],
    ["fields.a", { a: Number.NaN }],
    ["fields.a", { a: 1n }],
    ["fields.a", { a: new Date(0) }],
    ["fields.a.b[1]", { a: { b: [0, () => {}] } }],
    ["fields", { a: "x".repeat(100_001) }],
    ["fields.circle", circle],
  ])("refuses %s that JSON cannot represent", async (option, fields) => {
    const wrong = { code: "INVALID_OPTION", message: expect.stringContaining(`option "${option}`) };
    await expect(clients.register("ann", fields as never)).rejects.toMatchObject(wrong);
    await clients.ensure("ann");
    await expect(clients.update("ann", fields as never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    await expect(clients.update("ann", () => fields as never)).rejects.toMatchObject(wrong);
    expect((await clients.get("ann"))?.fields).toEqual({});
  });

  it.each([
    [{ touchEvery: 0 }, "INVALID_OPTION"],
    [{ forgetAfter: "1s" as const }, "INVALID_OPTION"],
    [{ forgetAfter: "100000d" as const }, "INVALID_OPTION"],
    [{ staleFor: "2h" as const }, "INVALID_OPTION"],
    [{ cacheSize: -1 }, "INVALID_OPTION"],
    [{ touchevery: "1m" }, "UNKNOWN_OPTION"],
  ])("refuses createRegistry(%j)", (options, code) => {
    expect(() => open(options as object)).toThrow(expect.objectContaining({ code }));
  });
});
