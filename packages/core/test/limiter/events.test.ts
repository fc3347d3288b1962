import { afterEach, describe, expect, it, vi } from "vitest";
import { createLimiter, fixedWindow, type LimiterOptions } from "../../src/index.js";
import type { DecidingStore } from "../../src/store/index.js";
import { manualClock } from "../fixtures/manual-clock.js";
import { mapStore, synchronousStore } from "../fixtures/map-store.js";

const down = new Error("connection refused");
const policies = fixedWindow({ limit: 2, window: "1m" });

/** A limiter with a store that the test can take down. */
function setUp(options: Partial<LimiterOptions> = {}) {
  const store = mapStore();
  const backend = { down: false };
  const decide: DecidingStore["decide"] = (...args) => (backend.down ? Promise.reject(down) : store.decide(...args));
  const failing: DecidingStore = { ...store, decide };
  const limiter = createLimiter({ store: failing, policies, ...options });
  const seen: [string, unknown][] = [];
  for (const event of ["decision", "denied", "storeError", "storeRecovered"] as const) {
    limiter.on(event, (detail: unknown) => void seen.push([event, detail]));
  }
  return { limiter, backend, seen, names: () => seen.map(([event]) => event) };
}

afterEach(() => vi.restoreAllMocks());

describe("events", () => {
  it("report every decision, and denials", async () => {
    const { limiter, seen, names } = setUp();
    const decisions = [await limiter.consume("k"), await limiter.consume("k"), await limiter.consume("k")];
    expect(names()).toEqual(["decision", "decision", "decision", "denied"]);
    expect(seen.map(([, detail]) => detail)).toEqual([...decisions, decisions[2]]);
    await limiter.allow("other");
    await limiter.execute("other", () => {});
    expect(names().slice(4)).toEqual(["decision", "decision"]);
  });

  it("report the same if the store answers synchronously", async () => {
    const denied = vi.fn();
    const limiter = createLimiter({ store: synchronousStore(), policies, on: { denied } });
    for (let i = 0; i < 3; i++) await limiter.consume("k");
    expect(denied.mock.calls).toMatchObject([[{ allowed: false, violated: ["default"] }]]);
  });

  it("do not report peeks, refunds, resets and blocks", async () => {
    const { limiter, names } = setUp();
    const decision = await limiter.consume("k");
    await limiter.peek("k", { cost: 9 });
    await limiter.refund(decision);
    await limiter.block("k", "1m");
    await limiter.reset("k");
    expect(names()).toEqual(["decision"]);
  });

  it("report the start and the end of an outage once", async () => {
    const { limiter, backend, seen, names } = setUp({ failOpen: true });
    await limiter.consume("a");
    backend.down = true;
    await Promise.all([limiter.consume("a"), limiter.consume("b"), limiter.peek("c")]);
    await limiter.consume("a");
    backend.down = false;
    await Promise.all([limiter.consume("b"), limiter.peek("b")]);
    const outages = () => names().filter((event) => event.startsWith("store"));
    await vi.waitFor(() => expect(outages()).toEqual(["storeError", "storeRecovered"]), 1_500);
    expect(seen.find(([event]) => event === "storeError")?.[1]).toMatchObject({
      error: { code: "STORE_FAILED", cause: down },
      failOpen: true,
    });
    const recovered = seen.find(([event]) => event === "storeRecovered")?.[1];
    expect(recovered).toEqual({ downMs: expect.closeTo(500, -3), decisions: 4 });
    backend.down = true;
    await limiter.consume("a");
    expect(outages()).toEqual(["storeError", "storeRecovered", "storeError"]);
  });

  it("report a decision without an answer of the store as a denial", async () => {
    const { limiter, backend, names } = setUp();
    backend.down = true;
    await limiter.consume("a");
    expect(names()).toEqual(["storeError", "decision", "denied"]);
  });

  it("go to the listeners in the options and to added ones, until these are removed", async () => {
    const [first, second] = [vi.fn(), vi.fn()];
    const limiter = createLimiter({ store: mapStore(), policies, on: { decision: first } });
    const remove = limiter.on("decision", second);
    await limiter.consume("k");
    remove();
    remove();
    await limiter.consume("k");
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([2, 1]);
  });

  it("are not affected by a listener that throws, which is reported once", async () => {
    const report = vi.spyOn(console, "error").mockImplementation(() => {});
    const boom = new Error("boom");
    const after = vi.fn();
    const limiter = createLimiter({
      store: mapStore(),
      policies,
      on: {
        decision: () => {
          throw boom;
        },
      },
    });
    limiter.on("decision", after);
    expect((await limiter.consume("k")).remaining).toBe(1);
    expect((await limiter.consume("k")).remaining).toBe(0);
    expect(after).toHaveBeenCalledTimes(2);
    expect(report).toHaveBeenCalledTimes(1);
    expect(report.mock.calls[0]).toEqual([expect.stringContaining('a listener of "decision" failed'), boom]);
  });

  it("are not affected by a listener whose promise rejects", async () => {
    const report = vi.spyOn(console, "error").mockImplementation(() => {});
    const decision = async () => {
      throw new Error("boom");
    };
    const limiter = createLimiter({ store: mapStore(), policies, on: { decision } });
    await limiter.consume("k");
    await limiter.consume("k");
    expect(report).toHaveBeenCalledTimes(1);
  });

  it("may be caused by a listener", async () => {
    const store = mapStore();
    const limiter = createLimiter({ store, policies, clock: manualClock() });
    const asked: Promise<boolean>[] = [];
    limiter.on("denied", () => void asked.push(limiter.allow("other")));
    for (let i = 0; i < 3; i++) await limiter.consume("k");
    expect(await Promise.all(asked)).toEqual([true]);
  });

  it("must have a known name", () => {
    const { limiter } = setUp();
    expect(() => limiter.on("deny" as "denied", () => {})).toThrow(expect.objectContaining({ code: "UNKNOWN_OPTION" }));
    expect(() => limiter.on("denied", null as unknown as () => void)).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  });
});
