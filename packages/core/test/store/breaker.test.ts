import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SluiceError } from "../../src/index.js";
import { type BreakerNumbers, createBreaker } from "../../src/store/breaker.js";
import { type CallOptions, reportedByStore, storeTimeout } from "../../src/store/index.js";

const ONE = [""];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
  // Removes the jitter.
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function setUp(numbers: Partial<BreakerNumbers> = {}, connectionError?: () => unknown) {
  const breaker = createBreaker({ failures: 3, cooldownMs: 500, ...numbers }, connectionError);
  const state = { made: 0 };
  const options = (timeoutMs = 200): CallOptions => ({ deadlineMs: performance.now() + timeoutMs });

  /** Makes a call. Returns the error that the breaker throws, the code of the failure, or "answered". */
  async function call(
    outcome: unknown = undefined,
    parts: readonly string[] = ONE,
    calls = options(),
  ): Promise<string> {
    try {
      await breaker.call(parts[0] as string, parts.slice(1), calls, () => {
        state.made++;
        return outcome === undefined ? Promise.resolve({}) : Promise.reject(outcome);
      });
      return "answered";
    } catch (error) {
      return error instanceof SluiceError ? error.code : "failed";
    }
  }

  /** Makes a call that gets no answer. */
  function hang(
    parts: readonly string[] = ONE,
    calls = options(),
  ): { answer(): Promise<void>; fail(error: unknown): Promise<void> } {
    let resolve: (value: object) => void = () => {};
    let reject: (error: unknown) => void = () => {};
    const made = breaker.call(parts[0] as string, parts.slice(1), calls, () => {
      state.made++;
      return new Promise<object>((answered, failed) => {
        resolve = answered;
        reject = failed;
      });
    });
    (made as Promise<unknown>).catch(() => {});
    return {
      async answer() {
        resolve({});
        await vi.advanceTimersByTimeAsync(0);
      },
      async fail(error) {
        reject(error);
        await vi.advanceTimersByTimeAsync(0);
      },
    };
  }

  async function open(): Promise<void> {
    for (let i = 0; i < 3; i++) await call(new Error(`failure ${i}`));
  }
  return { breaker, state, call, hang, open, options };
}

describe("a closed breaker", () => {
  it("opens after several failures in a row", async () => {
    const { state, call } = setUp();
    for (let i = 0; i < 3; i++) expect(await call(new Error(`failure ${i}`))).toBe("failed");
    expect(await call()).toBe("STORE_BREAKER_OPEN");
    expect(state.made).toBe(3);
  });

  it("stays closed if answers come between failures", async () => {
    const { call } = setUp();
    for (let i = 0; i < 20; i++)
      expect(await call(i % 3 === 2 ? undefined : new Error(`failure ${i}`))).not.toMatch("OPEN");
  });

  it("counts calls of one batch, which fail with the same error, once", async () => {
    const { call } = setUp();
    const error = new Error("the connection broke");
    for (let i = 0; i < 10; i++) expect(await call(error)).toBe("failed");
    expect(await call(new Error("another"))).toBe("failed");
    expect(await call(new Error("a third"))).toBe("failed");
    expect(await call()).toBe("STORE_BREAKER_OPEN");
  });

  it("does not count a failure of a call that started before the last answer", async () => {
    const { call, hang } = setUp();
    const early = Array.from({ length: 5 }, () => hang());
    expect(await call()).toBe("answered");
    for (const one of early) await one.fail(new Error("too late"));
    expect(await call()).toBe("answered");
  });

  it.each([
    ["a failure that the database reported", () => reportedByStore(new SluiceError("STORE_FAILED", "OOM"))],
    ["contention", () => new SluiceError("STORE_CONTENDED", "others won")],
    ["unreadable state", () => new SluiceError("STORE_STATE_UNREADABLE", "an unknown form")],
  ])("treats %s as an answer", async (_, make) => {
    const { call } = setUp();
    for (let i = 0; i < 10; i++) expect(await call(make())).toBe(make().code);
    await call(new Error("1"));
    await call(new Error("2"));
    await call(make());
    await call(new Error("3"));
    expect(await call()).toBe("answered");
  });

  it.each(["STORE_FAILED", "STORE_TIMEOUT", "STORE_NOT_READY"] as const)("counts %s", async (code) => {
    const { call } = setUp();
    for (let i = 0; i < 3; i++) expect(await call(new SluiceError(code, `failure ${i}`))).toBe(code);
    expect(await call()).toBe("STORE_BREAKER_OPEN");
  });

  it("counts a call that throws instead of rejecting", () => {
    const { breaker } = setUp({ failures: 1 });
    const thrown = new Error("thrown");
    const make = () => {
      throw thrown;
    };
    expect(() => breaker.call("", [], {}, make)).toThrow(thrown);
    expect(() => breaker.call("", [], {}, make)).toThrow("is not asked");
  });

  it("opens without a timer if enough calls are overdue and no answer has come since they were sent", async () => {
    const { call, hang } = setUp();
    for (let i = 0; i < 3; i++) hang();
    await vi.advanceTimersByTimeAsync(199);
    hang();
    await vi.advanceTimersByTimeAsync(1);
    expect(vi.getTimerCount()).toBe(0);
    expect(await call()).toBe("STORE_BREAKER_OPEN");
  });

  it("stays closed if an answer came after the overdue calls were sent", async () => {
    const { call, hang } = setUp();
    for (let i = 0; i < 10; i++) hang();
    expect(await call()).toBe("answered");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await call()).toBe("answered");
  });

  it("adds up failures and overdue calls, and counts a call once if it is overdue and then fails", async () => {
    const { call, hang } = setUp();
    const late = hang();
    await vi.advanceTimersByTimeAsync(200);
    await late.fail(new Error("at last"));
    expect(await call(new Error("2"))).toBe("failed");
    expect(await call(new Error("3"))).toBe("failed");
    expect(await call()).toBe("STORE_BREAKER_OPEN");
  });

  it("never counts calls without a deadline as overdue", async () => {
    const { call, hang } = setUp();
    for (let i = 0; i < 10; i++) hang(ONE, {});
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(await call()).toBe("answered");
  });

  it("starts its cooldown at the deadline of the call that opened it, even if later calls are overdue", async () => {
    const { call, hang, options } = setUp();
    hang(ONE, options(200));
    hang(ONE, options(200));
    hang(ONE, options(400));
    await call(new Error("1"));
    await vi.advanceTimersByTimeAsync(699);
    expect(await call()).toBe("STORE_BREAKER_OPEN");
    await vi.advanceTimersByTimeAsync(1);
    expect(await call()).toBe("answered");
  });

  it("probes immediately if the calls were overdue long ago", async () => {
    const { call, hang } = setUp();
    for (let i = 0; i < 3; i++) hang();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await call()).toBe("answered");
  });
});

describe("an open breaker", () => {
  it("throws the same error, whose cause is the last failure, without a call", async () => {
    const { breaker, state, open } = setUp();
    await open();
    const errors = new Set<unknown>();
    for (let i = 0; i < 100; i++) {
      try {
        breaker.call("", [], {}, () => ({}));
      } catch (error) {
        errors.add(error);
      }
    }
    expect(state.made).toBe(3);
    const [error, ...others] = errors;
    expect(others).toEqual([]);
    expect(error).toMatchObject({ code: "STORE_BREAKER_OPEN", cause: new Error("failure 2") });
    expect((error as Error).message).toContain("failure 2");
  });

  it("has the client's error as its cause, like other failures", async () => {
    const { breaker, call } = setUp();
    const refused = new Error("ECONNREFUSED");
    for (let i = 0; i < 3; i++) await call(new SluiceError("STORE_FAILED", "the store failed", { cause: refused }));
    expect(() => breaker.call("", [], {}, () => ({}))).toThrow(expect.objectContaining({ cause: refused }));
  });

  it("has the connection's error as the reason of overdue calls", async () => {
    const reason = new Error("connect ECONNREFUSED");
    const { breaker, hang } = setUp({}, () => reason);
    for (let i = 0; i < 3; i++) hang();
    await vi.advanceTimersByTimeAsync(300);
    expect(() => breaker.call("", [], {}, () => ({}))).toThrow("ECONNREFUSED");
  });

  it("lets one call through as a probe after the cooldown, and closes when it is answered", async () => {
    const { breaker, call, hang, open } = setUp();
    await open();
    await vi.advanceTimersByTimeAsync(499);
    expect(await call()).toBe("STORE_BREAKER_OPEN");
    await vi.advanceTimersByTimeAsync(1);
    const probe = hang();
    expect(await call()).toBe("STORE_BREAKER_OPEN");
    await probe.answer();
    let given: CallOptions | undefined;
    breaker.call("", [], {}, (options) => {
      given = options;
      return {};
    });
    expect(given?.probe).toBeUndefined();
    expect(await call()).toBe("answered");
  });

  it("marks the probe in its call options", async () => {
    const { breaker, open } = setUp();
    await open();
    await vi.advanceTimersByTimeAsync(500);
    const seen: CallOptions[] = [];
    breaker.call("", [], { nowMs: 5 }, (options) => {
      seen.push(options);
      return {};
    });
    expect(seen).toEqual([{ nowMs: 5, probe: true }]);
  });

  it("waits for another cooldown after a failed probe", async () => {
    const { state, call, open } = setUp();
    await open();
    for (let probes = 1; probes <= 5; probes++) {
      await vi.advanceTimersByTimeAsync(500);
      expect(await call(new Error("still"))).toBe("failed");
      await vi.advanceTimersByTimeAsync(499);
      expect(await call()).toBe("STORE_BREAKER_OPEN");
      expect(state.made).toBe(3 + probes);
    }
  });

  it("lets another probe through if the first one never ends", async () => {
    const { call, hang, open } = setUp();
    await open();
    await vi.advanceTimersByTimeAsync(500);
    hang();
    await vi.advanceTimersByTimeAsync(200 + 499);
    expect(await call()).toBe("STORE_BREAKER_OPEN");
    await vi.advanceTimersByTimeAsync(1);
    expect(await call()).toBe("answered");
  });

  it("lets all calls of the probing decision through", async () => {
    const { call, open, options } = setUp();
    await open();
    await vi.advanceTimersByTimeAsync(500);
    const shared = options();
    const results = await Promise.all([call(undefined, ONE, shared), call(undefined, ONE, shared), call()]);
    expect(results).toEqual(["answered", "answered", "STORE_BREAKER_OPEN"]);
  });

  it("closes when a call is answered that was sent before it opened", async () => {
    const { call, hang, open } = setUp();
    const early = hang(ONE, {});
    await open();
    await early.answer();
    expect(await call()).toBe("answered");
  });

  it("is not kept open by failures of calls that were sent before it opened", async () => {
    const { call, hang, open } = setUp();
    const early = Array.from({ length: 10 }, () => hang(ONE, {}));
    await open();
    await vi.advanceTimersByTimeAsync(499);
    for (const one of early) await one.fail(new Error("late"));
    await vi.advanceTimersByTimeAsync(1);
    expect(await call()).toBe("answered");
  });

  it.each([
    [0, 375],
    [1, 625],
  ])("changes the cooldown by up to a quarter: with a random number of %d it is %d ms", async (random, ms) => {
    const { call, open } = setUp();
    vi.spyOn(Math, "random").mockReturnValue(random);
    await open();
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(await call()).toBe("STORE_BREAKER_OPEN");
    await vi.advanceTimersByTimeAsync(1);
    expect(await call()).toBe("answered");
  });

  it("lets at most three calls per second through, however many there are", async () => {
    const { state, call, open } = setUp();
    vi.spyOn(Math, "random").mockReturnValue(0);
    await open();
    for (let i = 0; i < 10_000; i++) {
      await call(new Error(`failure ${i}`));
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(state.made - 3).toBeLessThanOrEqual(27);
  });
});

describe("the state of a breaker", () => {
  it("is open from the failure that opens it to the next answer", async () => {
    const { breaker, call, open, options } = setUp();
    expect(breaker.isOpen()).toBe(false);
    await call(new Error("failure 1"));
    expect(breaker.isOpen()).toBe(false);
    expect(breaker.refusal("", options())).toBeUndefined();
    await open();
    expect(breaker.isOpen()).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    await call();
    expect(breaker.isOpen()).toBe(false);
    await call();
    await open();
    expect(breaker.isOpen()).toBe(true);
  });

  it("is open until all parts are closed", async () => {
    const { breaker, call } = setUp();
    for (const part of ["a", "b"]) for (let i = 0; i < 3; i++) await call(new Error(`failure ${i}`), [part]);
    await vi.advanceTimersByTimeAsync(500);
    await call(undefined, ["a"]);
    expect(breaker.isOpen()).toBe(true);
    await call(undefined, ["b"]);
    expect(breaker.isOpen()).toBe(false);
  });

  it("refuses calls with the error that they would throw, and lets the probing decision through", async () => {
    const { breaker, open, hang, options } = setUp();
    await open();
    const refusal = breaker.refusal("", options());
    expect(refusal?.message).toBe(
      "[sluice] the store fails and is not asked until it answers a probe; the last failure: failure 2",
    );
    expect(() => breaker.call("", [], options(), () => ({}))).toThrow(refusal);
    await vi.advanceTimersByTimeAsync(500);
    const probe = options();
    hang(ONE, probe);
    expect(breaker.refusal("", probe)).toBeUndefined();
    expect(breaker.refusal("", options())).toBe(refusal);
  });

  it("counts answers that are not promises", async () => {
    const { breaker, call } = setUp();
    await call(new Error("1"));
    await call(new Error("2"));
    breaker.call("", [], {}, () => ({}));
    await call(new Error("3"));
    expect(breaker.isOpen()).toBe(false);
  });
});

describe("the parts of a store", () => {
  it("mark a call as a probe if any of them is probed", async () => {
    const { breaker, call } = setUp();
    const seen: (boolean | undefined)[] = [];
    const look = (part: string, others: readonly string[]) =>
      breaker.call(part, others, {}, ({ probe }) => {
        seen.push(probe);
        return new Promise(() => {});
      });
    look("b", ["c"]);
    for (let i = 0; i < 3; i++) await call(new Error(`failure ${i}`), ["a"]);
    await vi.advanceTimersByTimeAsync(500);
    look("b", ["c"]);
    look("b", ["a"]);
    expect(seen).toEqual([undefined, undefined, true]);
  });

  it("have separate breakers", async () => {
    const { call } = setUp();
    for (let i = 0; i < 3; i++) await call(new Error(`failure ${i}`), ["a"]);
    expect(await call(undefined, ["a"])).toBe("STORE_BREAKER_OPEN");
    expect(await call(undefined, ["b"])).toBe("answered");
    expect(await call(undefined, ["b", "a"])).toBe("STORE_BREAKER_OPEN");
  });

  it("are not blamed for a failure of a call to several of them", async () => {
    const { call } = setUp();
    for (let i = 0; i < 10; i++) await call(new Error(`failure ${i}`), ["a", "b"]);
    expect(await call(undefined, ["a"])).toBe("answered");
  });

  it("keep their probe if another part of the call is open", async () => {
    const { call } = setUp();
    for (let i = 0; i < 3; i++) await call(new Error(`failure ${i}`), ["a"]);
    await vi.advanceTimersByTimeAsync(400);
    for (let i = 0; i < 3; i++) await call(new Error(`failure ${i}`), ["b"]);
    await vi.advanceTimersByTimeAsync(100);
    expect(await call(undefined, ["a", "b"])).toBe("STORE_BREAKER_OPEN");
    expect(await call(undefined, ["a"])).toBe("answered");
  });
});

it("counts a timeout of the limiter as a failure", async () => {
  const { call } = setUp();
  for (let i = 0; i < 3; i++) await call(storeTimeout("the store is too slow"));
  expect(await call()).toBe("STORE_BREAKER_OPEN");
});
