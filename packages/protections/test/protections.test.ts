import { fixedWindow, tokenBucket } from "@sluice/core";
import { modelStore } from "@sluice/testkit";
import { describe, expect, it, vi } from "vitest";
import { createProtections, type ProtectionsOptions } from "../src/index.js";

it("creates all protections on one store, under one prefix", async () => {
  const store = modelStore();
  const registry = {};
  const shop = createProtections({ store, prefix: "shop", limiter: { policies: tokenBucket({ rate: 5 }) }, registry });
  const blog = createProtections({ store, prefix: "blog", registry });
  await shop.limiter.consume("ann");
  await shop.debouncer.seen("ann");
  await shop.blocklist.block("ann");
  await shop.blocklist.block("10.0.0.0/8");
  await shop.registry.register("ann");
  expect((await blog.limiter.peek("ann")).remaining).toBe(100);
  expect(await blog.debouncer.seen("ann")).toBe(false);
  expect(await blog.blocklist.findBlock("ann")).toBeUndefined();
  expect(await blog.blocklist.findBlock("10.0.0.1")).toBeUndefined();
  expect(await blog.registry.isRegistered("ann")).toBe(false);
  const prefixes = new Set<string>();
  for await (const { key } of store.exportEntries()) prefixes.add(key.split(":")[0] as string);
  expect([...prefixes].sort()).toEqual(["blog", "shop"]);
});

it("keeps stored keys as they were", async () => {
  const store = modelStore();
  const { limiter, debouncer, blocklist, registry } = createProtections({ store, prefix: "shop", registry: {} });
  await limiter.consume("ann");
  await debouncer.seen("ann", "order");
  await blocklist.block("ann");
  await blocklist.block("10.0.0.0/8");
  await registry.register("ann");
  const keys: string[] = [];
  for await (const { key } of store.exportEntries()) keys.push(key);
  expect(keys.sort()).toEqual([
    "shop:blocked-ranges:record:all",
    "shop:blocks:record:ann",
    "shop:clients:record:ann",
    "shop:debounce:fixed-window:ann|order",
    "shop:default:token-bucket:ann",
  ]);
});

it("has a registry only if one is configured", () => {
  expect(createProtections({ store: modelStore() }).registry).toBeUndefined();
});

it("closes its parts, but not the store", async () => {
  const store = modelStore();
  const close = vi.spyOn(store, "close");
  const protections = createProtections({ store });
  await protections.close();
  await expect(protections.limiter.consume("ann")).rejects.toMatchObject({ code: "CLOSED" });
  await expect(protections.debouncer.seen("ann")).rejects.toMatchObject({ code: "CLOSED" });
  expect(close).not.toHaveBeenCalled();
});

it("lets each part override common options", async () => {
  const store = { ...modelStore(), decide: () => Promise.reject(new Error("down")) };
  const { limiter, debouncer } = createProtections({ store, failOpen: true, debounce: { failOpen: false } });
  expect(await limiter.allow("ann")).toBe(true);
  await expect(debouncer.seen("ann")).rejects.toMatchObject({ code: "STORE_FAILED" });
});

describe("wrong arguments", () => {
  const store = modelStore();
  it.each<[object, string, string]>([
    [{}, "INVALID_STORE", "store"],
    [{ storage: "memory:" }, "UNKNOWN_OPTION", "storage"],
    [{ store, migrate: true }, "UNKNOWN_OPTION", "migrate"],
    [{ store, connectTimeout: "1s" }, "UNKNOWN_OPTION", "connectTimeout"],
    [{ store, prefx: "a" }, "UNKNOWN_OPTION", "prefix"],
    [{ store, namespace: "a" }, "UNKNOWN_OPTION", "namespace"],
    [{ store, prefix: "" }, "INVALID_OPTION", '"prefix" must be 1 to 128 printable ASCII characters, got ""'],
    [{ store, limiter: 7 }, "INVALID_OPTION", "limiter"],
    [{ store, debounce: { store } }, "INVALID_OPTION", "debounce.store"],
    [
      { store, blocklist: { prefix: "a" } },
      "INVALID_OPTION",
      '"blocklist.prefix" must be set once, for all parts, got "a"',
    ],
    [{ store, registry: { touchEvry: 1 } }, "UNKNOWN_OPTION", "touchEvery"],
    [
      { store, limiter: { policies: fixedWindow({ name: "debounce", limit: 1, window: 1 }) } },
      "INVALID_OPTION",
      "limiter.policies",
    ],
  ])("refuses %j", (options, code, named) => {
    expect(() => createProtections(options as ProtectionsOptions)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(named) }),
    );
  });

  it("are found before the store is called", () => {
    const unasked = vi.fn(() => Promise.reject(new Error("asked")));
    const store = { ...modelStore(), atomicUpdate: unasked, decide: unasked };
    expect(() => createProtections({ store, debounce: { window: 0 } })).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
    expect(unasked).not.toHaveBeenCalled();
  });
});
