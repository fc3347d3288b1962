import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLimiter, fixedWindow, type LimiterOptions, SluiceError } from "../../src/index.js";
import type { DecidingStore } from "../../src/store/index.js";
import { mapStore } from "../fixtures/map-store.js";

const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:6379"), { code: "ECONNREFUSED" });
const policies = fixedWindow({ limit: 1_000, window: "1h" });

/** A limiter whose store fails for the keys that the test chooses, and the events of the limiter. */
function setUp(options: Partial<LimiterOptions> = {}, listens = true) {
  const store = mapStore();
  const backend = { fails: (_key: string) => false, hangs: false };
  const decide: DecidingStore["decide"] = (admission, calls) => {
    if (backend.hangs) return new Promise(() => {});
    return backend.fails(admission.claims[0]?.key ?? "") ? Promise.reject(refused) : store.decide(admission, calls);
  };
  const events: string[] = [];
  const on = {
    storeError: () => void events.push("storeError"),
    storeRecovered: () => void events.push("storeRecovered"),
  };
  const failing: DecidingStore = { ...store, decide };
  const limiter = createLimiter({ store: failing, policies, ...(listens && { on }), ...options });
  return { limiter, backend, events };
}

let logged: ReturnType<typeof vi.spyOn>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  logged = vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const lines = () => logged.mock.calls.map((args: unknown[]) => String(args[0]));

describe("an outage", () => {
  it("logs nothing after the limiter was closed", async () => {
    const { limiter, backend } = setUp({}, false);
    backend.fails = () => true;
    await limiter.consume("a");
    backend.fails = () => false;
    await limiter.consume("a");
    expect(lines()).toHaveLength(1);
    await limiter.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(lines()).toHaveLength(1);
  });

  it("of one shard in three is one outage, with one event at its start and one at its end", async () => {
    const { limiter, backend, events } = setUp();
    backend.fails = (key) => Number(key) % 3 === 0;
    for (let i = 0; i < 1_000; i++) {
      await limiter.consume(String(i));
      await vi.advanceTimersByTimeAsync(5);
    }
    expect(events).toEqual(["storeError"]);
    backend.fails = () => false;
    for (let i = 0; i < 300; i++) {
      await limiter.consume(String(i));
      await vi.advanceTimersByTimeAsync(5);
    }
    expect(events).toEqual(["storeError", "storeRecovered"]);
  });

  it("of the whole store ends with the first answer", async () => {
    const { limiter, backend, events } = setUp();
    backend.fails = () => true;
    for (let i = 0; i < 10; i++) {
      await limiter.consume("k");
      await vi.advanceTimersByTimeAsync(50);
    }
    backend.fails = () => false;
    await limiter.consume("k");
    expect(events).toEqual(["storeError", "storeRecovered"]);
  });

  it("of one call that timed out ends with the first answer, if the store answered nothing in between", async () => {
    const { limiter, backend, events } = setUp();
    await limiter.consume("before");
    backend.hangs = true;
    const hanging = limiter.consume("k");
    await vi.advanceTimersByTimeAsync(600);
    expect((await hanging).source).toBe("failClosed");
    backend.hangs = false;
    await limiter.consume("k");
    expect(events).toEqual(["storeError", "storeRecovered"]);
  });

  it("of one call ends after a second, even without further calls", async () => {
    const { limiter, backend, events } = setUp();
    backend.fails = () => true;
    await limiter.consume("k");
    backend.fails = () => false;
    await limiter.consume("k");
    await vi.advanceTimersByTimeAsync(999);
    expect(events).toEqual(["storeError"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(events).toEqual(["storeError", "storeRecovered"]);
  });
});

describe("without a storeError listener", () => {
  it.each([
    [false, "requests are denied with 503"],
    [true, "requests are allowed without a limit"],
  ])("logs one line at the start of an outage and one at its end, with failOpen %s", async (failOpen, effect) => {
    const { limiter, backend } = setUp({ failOpen }, false);
    backend.fails = () => true;
    for (let i = 0; i < 5; i++) {
      await limiter.consume("k");
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(lines()).toEqual([
      `[sluice] the store failed, and ${effect} until it answers again: ` +
        "STORE_FAILED: the store failed: connect ECONNREFUSED 127.0.0.1:6379",
    ]);
    backend.fails = () => false;
    await limiter.consume("k");
    expect(lines().slice(1)).toEqual(["[sluice] the store answers again after 0.5 s; decisions without it: 5"]);
  });

  it("logs what a store needs if it is not ready", async () => {
    const decide = () =>
      Promise.reject(new SluiceError("STORE_NOT_READY", "the table is missing: run migrate(client)"));
    const store: DecidingStore = { ...mapStore(), decide };
    const limiter = createLimiter({ store, policies });
    await limiter.consume("k");
    expect(lines()).toEqual([expect.stringContaining("STORE_NOT_READY: the table is missing: run migrate(client)")]);
  });

  it("logs nothing if there is a listener", async () => {
    const { limiter, backend } = setUp();
    backend.fails = () => true;
    await limiter.consume("k");
    expect(lines()).toEqual([]);
  });
});

describe("the error of a decision", () => {
  it("has the connection's error as its cause after a timeout", async () => {
    const store = { ...mapStore(), decide: () => new Promise<never>(() => {}), connectionError: () => refused };
    const limiter = createLimiter({ store, policies, timeout: 50, on: { storeError: () => {} } });
    const deciding = limiter.consume("k");
    await vi.advanceTimersByTimeAsync(60);
    const { error } = await deciding;
    expect(error).toBeInstanceOf(SluiceError);
    expect(error).toMatchObject({ code: "STORE_TIMEOUT", cause: refused });
    expect(error?.message).toContain("ECONNREFUSED");
  });

  it.each([new TypeError("x is not a function"), "a string", undefined])(
    "is a SluiceError if the store throws anything: %s",
    async (thrown) => {
      const decide = () => Promise.reject(thrown);
      const store: DecidingStore = { ...mapStore(), decide };
      const limiter = createLimiter({ store, policies, on: { storeError: () => {} } });
      const { error } = await limiter.consume("k");
      expect(error).toBeInstanceOf(SluiceError);
      expect(error).toMatchObject({ code: "STORE_FAILED", cause: thrown });
    },
  );
});
