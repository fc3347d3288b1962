import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, it, vi } from "vitest";
import { createFreshCache } from "../src/fresh-cache.js";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const never = () => new Promise<never>(() => {});
const read = async () => ({ value: "read", forMs: 1_000 });

it("shares a read until it takes too long", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const cache = createFreshCache<string>(10, () => performance.now(), 500);
  const first = cache.get("k", never);
  expect(cache.get("k", read)).toBe(first);
  vi.advanceTimersByTime(499);
  expect(cache.get("k", read)).toBe(first);
  vi.advanceTimersByTime(1);
  expect(await cache.get("k", read)).toBe("read");
  expect(cache.get("k", never)).toBe("read");
});

it("reads again after fake timers were removed, even if a read never ended", async () => {
  vi.useFakeTimers({ now: 1_000_000, toFake: ["performance"] });
  vi.advanceTimersByTime(3_600_000);
  const cache = createFreshCache<string>(10, () => performance.now(), 500);
  void cache.get("k", never);
  vi.useRealTimers();
  expect(await cache.get("k", read)).toBe("read");
});

it("keeps the result of the later of two reads, whichever ends first", async () => {
  const cache = createFreshCache<string>(10, () => 0, 0);
  const values = ["one", "two"].map((value) => cache.get("k", async () => ({ value, forMs: 1_000 })));
  expect(await Promise.all(values)).toEqual(["one", "two"]);
  expect(cache.get("k", never)).toBe("two");
});

it("does not share reads on Workers, where a read ends with its request", async () => {
  vi.stubGlobal("WebSocketPair", () => {});
  const cache = createFreshCache<string>(10, () => performance.now(), 500);
  void cache.get("k", never);
  expect(await cache.get("k", read)).toBe("read");
  expect(cache.get("k", never)).toBe("read");
});

it("holds fewer long keys", async () => {
  const cache = createFreshCache<string>(100, () => 0, 500);
  const keys = Array.from({ length: 20 }, (_, i) => `${i} ${"x".repeat(5_000)}`);
  for (const key of keys) await cache.get(key, read);
  const reads = vi.fn(read);
  for (const key of keys.toReversed()) await cache.get(key, reads);
  // Each takes the room of 20 keys, so only the last 5 were kept.
  expect(reads).toHaveBeenCalledTimes(15);
  for (const key of keys) cache.forget(key);
  for (let i = 0; i < 100; i++) await cache.get(`short ${i}`, read);
  for (let i = 0; i < 100; i++) expect(cache.get(`short ${i}`, never)).toBe("read");
});

it("does not retain the texts that keys were cut from", async () => {
  const cache = createFreshCache<string>(10_000, () => 0, 500);
  const before = heapUsed();
  for (let i = 0; i < 2_000; i++) {
    const [, key = ""] = Buffer.from(`${"x".repeat(10_000)},client=${i} and more`)
      .toString()
      .split(",");
    await cache.get(key, read);
  }
  // The texts take 20 MB.
  expect(heapUsed() - before).toBeLessThan(5_000_000);
  expect(cache.get("client=7 and more", never)).toBe("read");
});

function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}
