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

it("closes the store that it opened, and no other", async () => {
  const opened = await createProtections({ storage: "memory:" });
  await opened.close();
  await expect(opened.store.delete("a")).rejects.toMatchObject({ code: "CLOSED" });
  await expect(opened.limiter.consume("ann")).rejects.toMatchObject({ code: "CLOSED" });
  const store = modelStore();
  const close = vi.spyOn(store, "close");
  await (await createProtections({ store })).close();
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
    [{}, "INVALID_OPTION", "storage"],
    [{ storage: "memory:", store: modelStore() }, "INVALID_OPTION", "storage"],
    [{ store: modelStore(), migrate: true }, "INVALID_OPTION", '"migrate" is true'],
    [{ store: modelStore(), connectTimeout: "1s" }, "INVALID_OPTION", '"connectTimeout" is "1s"'],
    [{ storage: "memory:", namspace: "a" }, "UNKNOWN_OPTION", "namespace"],
    [{ storage: "memory:", namespace: "" }, "INVALID_OPTION", '"namespace" is ""'],
    [{ storage: "memory:", limiter: 7 }, "INVALID_OPTION", "limiter"],
    [{ storage: "memory:", debounce: { store: modelStore() } }, "INVALID_OPTION", "debounce.store"],
    [{ storage: "memory:", blocklist: { prefix: "a" } }, "INVALID_OPTION", '"blocklist.prefix" is "a"'],
    [{ storage: "memory:", clients: { touchEvry: 1 } }, "UNKNOWN_OPTION", "touchEvery"],
    [{ storage: "nowhere:" }, "INVALID_STORAGE", "memory:"],
    [
      { storage: "memory:", limiter: { policies: fixedWindow({ name: "debounce", limit: 1, window: 1 }) } },
      "INVALID_OPTION",
      "limiter.policies",
    ],
  ])("%j", async (options, code, named) => {
    const making = createProtections(options as ProtectionsOptions);
    await expect(making).rejects.toMatchObject({ code, message: expect.stringContaining(named) });
  });

  it("is found before a server is asked for anything", async () => {
    const startMs = performance.now();
    const making = createProtections({ storage: "redis://127.0.0.1:1", debounce: { window: 0 } });
    await expect(making).rejects.toMatchObject({ code: "INVALID_OPTION" });
    expect(performance.now() - startMs).toBeLessThan(100);
  });
});
