import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SluiceError, type StoreErrorEvent, type StoreRecoveredEvent } from "../../src/index.js";
import { createEmitter } from "../../src/limiter/events.js";
import { createOutage, logOutages } from "../../src/limiter/outage.js";

const error = new SluiceError("STORE_FAILED", "the store failed");

/** An outage whose events go to listeners. */
function listened(source: StoreErrorEvent["source"] = "failClosed") {
  const errors: StoreErrorEvent[] = [];
  const recoveries: StoreRecoveredEvent[] = [];
  const emitter = createEmitter({
    storeError: (event) => void errors.push(event),
    storeRecovered: (event) => void recoveries.push(event),
  });
  return { outage: createOutage(source, emitter), errors, recoveries };
}

let logged: ReturnType<typeof vi.spyOn>;
const lines = () => logged.mock.calls.map((args: unknown[]) => String(args[0]));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  // Starts the test at a time other than 0.
  vi.advanceTimersByTime(10_000);
  logged = vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("an outage of the whole store", () => {
  it("ends with the first answer if every call failed for 100 ms or longer", () => {
    const { outage, recoveries } = listened();
    outage.failed(error);
    vi.advanceTimersByTime(100);
    outage.failed(error);
    vi.advanceTimersByTime(50);
    outage.succeeded();
    expect(recoveries).toEqual([{ downMs: 150, decisions: 2 }]);
  });

  it("ends one second after the last failure if it was shorter", () => {
    const { outage, recoveries } = listened();
    outage.failed(error);
    vi.advanceTimersByTime(99);
    outage.failed(error);
    vi.advanceTimersByTime(50);
    outage.succeeded();
    expect(recoveries).toEqual([]);
    vi.advanceTimersByTime(949);
    expect(recoveries).toEqual([]);
    vi.advanceTimersByTime(1);
    // The length is the time until the first answer.
    expect(recoveries).toEqual([{ downMs: 149, decisions: 2 }]);
  });

  it("ends with the first answer after a second without calls", () => {
    const { outage, recoveries } = listened();
    outage.failed(error);
    vi.advanceTimersByTime(1_000);
    outage.succeeded();
    expect(recoveries).toEqual([{ downMs: 1_000, decisions: 1 }]);
  });

  it("starts with its first call, unless the store answered another call since", () => {
    const { outage, recoveries } = listened();
    const call = { startMs: performance.now(), answers: outage.answers };
    vi.advanceTimersByTime(500);
    outage.failed(error, call);
    vi.advanceTimersByTime(10);
    outage.succeeded();
    expect(recoveries).toEqual([{ downMs: 510, decisions: 1 }]);

    const late = { startMs: performance.now(), answers: outage.answers };
    outage.succeeded();
    vi.advanceTimersByTime(500);
    outage.failed(error, late);
    vi.advanceTimersByTime(1_010);
    outage.succeeded();
    expect(recoveries[1]).toEqual({ downMs: 1_010, decisions: 1 });
  });

  it("starts again with the next failure", () => {
    const { outage, errors, recoveries } = listened();
    for (let i = 0; i < 2; i++) {
      outage.failed(error);
      vi.advanceTimersByTime(1_000);
      outage.succeeded();
      outage.succeeded();
    }
    expect(errors).toHaveLength(2);
    expect(recoveries).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("an outage of part of the store", () => {
  it("ends when no call has failed for a second, despite answers in between", () => {
    const { outage, errors, recoveries } = listened();
    for (let i = 0; i < 5; i++) {
      outage.failed(error);
      vi.advanceTimersByTime(100);
      outage.succeeded();
      vi.advanceTimersByTime(100);
    }
    expect(recoveries).toEqual([]);
    vi.advanceTimersByTime(799);
    expect(recoveries).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(errors).toHaveLength(1);
    expect(recoveries).toEqual([{ downMs: 900, decisions: 5 }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("uses one timer, however many answers arrive", () => {
    const { outage } = listened();
    outage.failed(error);
    for (let i = 0; i < 10; i++) outage.succeeded();
    expect(vi.getTimerCount()).toBe(1);
    outage.failed(error);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a closed limiter", () => {
  it("leaves no timer, and does not report the end of the outage", () => {
    const { outage, recoveries } = listened();
    outage.failed(error);
    outage.succeeded();
    outage.close();
    expect(vi.getTimerCount()).toBe(0);
    outage.succeeded();
    vi.advanceTimersByTime(5_000);
    expect(recoveries).toEqual([]);
    outage.close();
  });
});

describe("the event of an outage", () => {
  it.each([
    ["failOpen", true],
    ["failClosed", false],
    ["fallback", false],
  ] as const)("has the source %s", (source, failOpen) => {
    const { outage, errors, recoveries } = listened(source);
    outage.failed(error);
    expect(errors).toEqual([{ error, failOpen, source }]);
    vi.advanceTimersByTime(2_000);
    outage.succeeded();
    expect(recoveries).toHaveLength(1);
    expect(lines()).toEqual([]);
  });
});

describe("the log of an outage", () => {
  const start = "[sluice] the store failed, and requests are decided by the fallback until it answers again: ";

  it.each<[what: string, error: SluiceError, logged: string]>([
    ["the code and the message", error, "STORE_FAILED: the store failed"],
    [
      "the cause if the message does not contain it",
      new SluiceError("STORE_FAILED", "the store failed", { cause: new Error("no route") }),
      "STORE_FAILED: the store failed (no route)",
    ],
    [
      "the cause only once",
      new SluiceError("STORE_FAILED", "the store failed: no route", { cause: new Error("no route") }),
      "STORE_FAILED: the store failed: no route",
    ],
    [
      "the name of a cause without a message",
      new SluiceError("STORE_FAILED", "the store failed", { cause: new AggregateError([]) }),
      "STORE_FAILED: the store failed (AggregateError)",
    ],
    [
      "no cause that is not an error",
      new SluiceError("STORE_FAILED", "the store failed", { cause: "no route" }),
      "STORE_FAILED: the store failed",
    ],
  ])("has %s", (_, failure, text) => {
    createOutage("fallback", createEmitter({})).failed(failure);
    expect(lines()).toEqual([`${start}${text}`]);
  });

  it("counts decisions for a limiter, but not for another component", () => {
    for (const outage of [createOutage("failOpen", createEmitter({})), logOutages("nothing is blocked")]) {
      outage.failed(error);
      vi.advanceTimersByTime(1_500);
      outage.succeeded();
    }
    expect(lines()).toEqual([
      "[sluice] the store failed, and requests are allowed without a limit until it answers again: " +
        "STORE_FAILED: the store failed",
      "[sluice] the store answers again after 1.5 s; decisions without it: 1",
      "[sluice] the store failed, and nothing is blocked until it answers again: STORE_FAILED: the store failed",
      "[sluice] the store answers again after 1.5 s",
    ]);
  });
});
