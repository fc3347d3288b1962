import { fixedWindow, tokenBucket } from "@sluice/core";
import { modelStore } from "@sluice/testkit";
import { describe, expect, it, vi } from "vitest";
import { createProtections, type ProtectionsOptions } from "../src/index.js";

it("makes all of it on one store, under one namespace", async () => {
  const store = modelStore();
  const shop = await createProtections({ store, namespace: "shop", limiter: { policies: tokenBucket({ rate: 5 }) } });
  const blog = await createProtections({ store, namespace: "blog" });
  await shop.limiter.consume("ann");
  await shop.debouncer.seen("ann");
  await shop.blocklist.block("ann");
  await shop.blocklist.block("10.0.0.0/8");
  await shop.clients.register("ann");
  expect((await blog.limiter.peek("ann")).remaining).toBe(100);
  expect(await blog.debouncer.seen("ann")).toBe(false);
  expect(await blog.blocklist.isBlocked("ann")).toBeUndefined();
  expect(await blog.blocklist.isBlocked("10.0.0.1")).toBeUndefined();
  expect(await blog.clients.isRegistered("ann")).toBe(false);
  const prefixes = new Set<string>();
  for await (const { key } of store.exportEntries()) prefixes.add(key.split(":")[0] as string);
  expect([...prefixes].sort()).toEqual(["blog", "shop"]);
});

it("closes its parts, and leaves the store open", async () => {
  const store = modelStore();
  const close = vi.spyOn(store, "close");
  const protections = await createProtections({ store });
  await protections.close();
  await expect(protections.limiter.consume("ann")).rejects.toMatchObject({ code: "CLOSED" });
  expect(close).not.toHaveBeenCalled();
});

it("lets each part say otherwise", async () => {
  const store = { ...modelStore(), decide: () => Promise.reject(new Error("down")) };
  const { limiter, debouncer } = await createProtections({ store, failOpen: true, debounce: { failOpen: false } });
  expect(await limiter.allow("ann")).toBe(true);
  await expect(debouncer.seen("ann")).rejects.toMatchObject({ code: "STORE_FAILED" });
});

describe("what is wrong", () => {
  it.each<[object, string, string]>([
    [{}, "INVALID_STORE", "store"],
    [{ storage: "memory:" }, "UNKNOWN_OPTION", '"storage"'],
    [{ store: modelStore(), createSchema: true }, "UNKNOWN_OPTION", '"createSchema"'],
    [{ store: modelStore(), connectTimeout: "1s" }, "UNKNOWN_OPTION", '"connectTimeout"'],
    [{ store: modelStore(), namspace: "a" }, "UNKNOWN_OPTION", "namespace"],
    [{ store: modelStore(), namespace: "" }, "INVALID_OPTION", '"namespace" is ""'],
    [{ store: modelStore(), limiter: 7 }, "INVALID_OPTION", "limiter"],
    [{ store: modelStore(), debounce: { store: modelStore() } }, "INVALID_OPTION", "debounce.store"],
    [{ store: modelStore(), blocklist: { prefix: "a" } }, "INVALID_OPTION", '"blocklist.prefix" is "a"'],
    [{ store: modelStore(), clients: { touchEvry: 1 } }, "UNKNOWN_OPTION", "touchEvery"],
    [
      { store: modelStore(), limiter: { policies: fixedWindow({ name: "debounce", limit: 1, window: 1 }) } },
      "INVALID_OPTION",
      "limiter.policies",
    ],
  ])("%j", async (options, code, named) => {
    const making = createProtections(options as ProtectionsOptions);
    await expect(making).rejects.toMatchObject({ code, message: expect.stringContaining(named) });
  });

  it("is found before the store is asked for anything", async () => {
    const unasked = vi.fn(() => Promise.reject(new Error("asked")));
    const store = { ...modelStore(), atomicUpdate: unasked, decide: unasked };
    const making = createProtections({ store, debounce: { window: 0 } });
    await expect(making).rejects.toMatchObject({ code: "INVALID_OPTION" });
    expect(unasked).not.toHaveBeenCalled();
  });
});
