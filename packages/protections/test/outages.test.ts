import type { Store } from "@sluice/core";
import { asynchronous } from "@sluice/core/store";
import { memoryStore } from "@sluice/store-memory";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createBlocklist, createRegistry } from "../src/index.js";

let lines: string[];
let down: boolean;
let store: Store;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  lines = [];
  down = true;
  vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
  const inner = memoryStore();
  const refused = () => Promise.reject(new Error("connect ECONNREFUSED 127.0.0.1:6379"));
  store = {
    asynchronous,
    atomicUpdate: (...args) => (down ? refused() : inner.atomicUpdate(...args)),
    delete: (...args) => (down ? refused() : inner.delete(...args)),
    close: () => inner.close(),
  };
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

it.each([
  ["a blocklist", () => createBlocklist({ store }).findBlock("192.0.2.1"), /checks are denied with 503/],
  [
    "a blocklist that fails open",
    () => createBlocklist({ store, failOpen: true }).findBlock("a"),
    /only blocks in memory are enforced/,
  ],
  ["a registry", () => createRegistry({ store }).isRegistered("somebody"), /registered client are denied with 503/],
])("logs an outage of %s", async (_, ask, effect) => {
  await ask().catch(() => {});
  expect(lines).toEqual([expect.stringMatching(effect)]);
  expect(lines[0]).toContain("STORE_FAILED: the store failed: connect ECONNREFUSED");
});

it("logs one line at the start and one at the end, whichever methods are called meanwhile", async () => {
  const blocklist = createBlocklist({ store, staleFor: 1 });
  for (let i = 0; i < 5; i++) {
    await blocklist.findBlock(`192.0.2.${i}`).catch(() => {});
    await blocklist.unblock("ann").catch(() => {});
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(lines).toHaveLength(1);
  down = false;
  await blocklist.findBlock("192.0.2.1");
  expect(lines.slice(1)).toEqual(["[sluice] the store answers again after 0.5 s"]);
});

it("logs nothing for an error of the app", async () => {
  down = false;
  const registry = createRegistry({ store });
  await registry.register("somebody");
  const change = () => {
    throw new Error("the app's own");
  };
  await expect(registry.update("somebody", change)).rejects.toThrow("the app's own");
  expect(lines).toEqual([]);
});
