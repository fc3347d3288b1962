import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sleep } from "../../src/limiter/clock.js";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

function start(ms: number, signal = new AbortController().signal) {
  const woken = vi.fn();
  void sleep(ms, signal).then(woken);
  return woken;
}

describe("sleep", () => {
  it("takes as long as it is told, and leaves nothing behind", async () => {
    const { signal } = new AbortController();
    const woken = start(1_000, signal);
    await vi.advanceTimersByTimeAsync(999);
    expect(woken).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(woken).toHaveBeenCalledTimes(1);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("takes longer than a timer can", async () => {
    const ms = 90 * 86_400_000;
    const woken = start(ms);
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(woken).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(woken).toHaveBeenCalledTimes(1);
  });

  it("ends without waking when the signal is aborted, before or during", async () => {
    const controller = new AbortController();
    const during = start(1_000, controller.signal);
    await vi.advanceTimersByTimeAsync(500);
    controller.abort();
    const before = start(1_000, controller.signal);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([during, before].map((woken) => woken.mock.calls.length)).toEqual([0, 0]);
  });
});
