import { createLimiter } from "@sluice/core";
import { memoryStore } from "@sluice/store-memory";
import { manualClock, modelStore } from "@sluice/testkit";
import { describe, expect, it, vi } from "vitest";
import { createDebouncer, type DebouncerOptions } from "../src/index.js";
import { countedStore } from "./counted-store.js";

describe("while the store fails", () => {
  it("rejects, since it is unknown whether the work was done", async () => {
    const store = countedStore();
    store.fails = true;
    const debouncer = createDebouncer({ store, window: "1m" });
    await expect(debouncer.seen("ann")).rejects.toMatchObject({ code: "STORE_FAILED" });
  });

  it("treats no request as a duplicate if it fails open, and reports the outage once", async () => {
    const store = countedStore();
    const [storeError, storeRecovered] = [vi.fn(), vi.fn()];
    const debouncer = createDebouncer({ store, window: "1m", failOpen: true, on: { storeError, storeRecovered } });
    store.fails = true;
    expect([await debouncer.seen("ann"), await debouncer.seen("ann")]).toEqual([false, false]);
    store.fails = false;
    expect([await debouncer.seen("ann"), await debouncer.seen("ann")]).toEqual([false, true]);
    // An outage ends one second after the last failure.
    await vi.waitFor(() => expect(storeRecovered).toHaveBeenCalled(), 3_000);
    expect([storeError, storeRecovered].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  });

  it("rejects after the timeout if the store does not answer", async () => {
    const store = { ...modelStore(), decide: () => new Promise<never>(() => {}) };
    const debouncer = createDebouncer({ store, window: "1m", timeout: 20 });
    await expect(debouncer.seen("ann")).rejects.toMatchObject({ code: "STORE_TIMEOUT" });
  });
});

it("writes once per window", async () => {
  const store = countedStore();
  const debouncer = createDebouncer({ store, window: "1m" });
  for (let i = 0; i < 5; i++) await debouncer.seen("ann", "1");
  expect([store.calls(), store.writes()]).toEqual([5, 1]);
});

it("answers synchronously if the store does, with the remaining time", async () => {
  const clock = manualClock();
  const debouncer = createDebouncer({ store: memoryStore(), window: "10s", clock });
  expect(debouncer.look("ann")).toEqual({ duplicate: false, windowEndsInMs: 10_000 });
  await clock.advance(4_000);
  expect(debouncer.look("ann")).toEqual({ duplicate: true, windowEndsInMs: 6_000 });
});

it("shares its windows with other handles of the same prefix, but not with a limiter", async () => {
  const store = modelStore();
  const make = (options: Partial<DebouncerOptions> = {}) => createDebouncer({ store, window: "1m", ...options });
  const limiter = createLimiter({ store });
  expect(await make().seen("ann")).toBe(false);
  expect(await make().seen("ann")).toBe(true);
  expect(await make({ prefix: "other" }).seen("ann")).toBe(false);
  expect((await limiter.peek("ann")).remaining).toBe(100);
  await limiter.reset("ann");
  expect(await make().seen("ann")).toBe(true);
});

it("refuses calls after it is closed, and does not close the store", async () => {
  const store = modelStore();
  const debouncer = createDebouncer({ store, window: "1m" });
  await debouncer.close();
  await expect(debouncer.seen("ann")).rejects.toMatchObject({ code: "CLOSED" });
  expect(await createDebouncer({ store, window: "1m" }).seen("ann")).toBe(false);
});

describe("wrong arguments", () => {
  it.each(["", undefined, null, 7, {}])("refuses the key %j", async (key) => {
    const debouncer = createDebouncer({ store: modelStore(), window: "1m" });
    await expect(debouncer.seen(key as string)).rejects.toMatchObject({ code: "INVALID_KEY" });
    await expect(debouncer.forget(key as string)).rejects.toMatchObject({ code: "INVALID_KEY" });
  });

  it("refuses a fingerprint that is not a string", async () => {
    const debouncer = createDebouncer({ store: modelStore(), window: "1m" });
    await expect(debouncer.seen("ann", 7 as never)).rejects.toMatchObject({ code: "INVALID_KEY" });
  });

  it.each([
    [{ window: 0 }, "INVALID_OPTION"],
    [{ window: undefined as never }, "INVALID_OPTION"],
    [{ windw: "1m" }, "UNKNOWN_OPTION"],
    [{ policies: [] }, "UNKNOWN_OPTION"],
    [{ prefix: "" }, "INVALID_OPTION"],
    [{ failOpen: 1 as never }, "INVALID_OPTION"],
    [{ store: {} as never }, "INVALID_STORE"],
  ])("refuses %j", (options, code) => {
    const make = () => createDebouncer({ store: modelStore(), window: "1m", ...options } as DebouncerOptions);
    expect(make).toThrow(expect.objectContaining({ code }));
  });
});

it.each([1_000, 3_600_000, 31_536_000_000])(
  "does not extend a window when the clock steps back by %i ms",
  async (backMs) => {
    const clock = manualClock(1_700_000_000_000);
    const debouncer = createDebouncer({ store: modelStore(), window: "1s", clock });
    expect(await debouncer.seen("ann", "1")).toBe(false);
    await clock.advance(-backMs);
    expect(await debouncer.look("ann", "1")).toEqual({ duplicate: true, windowEndsInMs: 1_000 });
    await clock.advance(999);
    expect(await debouncer.look("ann", "1")).toEqual({ duplicate: true, windowEndsInMs: 1 });
    await clock.advance(1);
    expect(await debouncer.seen("ann", "1")).toBe(false);
  },
);
