import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startTimer } from "../../src/limiter/clock.js";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

function start(ms: number) {
  const woken = vi.fn();
  return { woken, cancel: startTimer(ms, woken) };
}

describe("startTimer", () => {
  it("waits for the given time, and leaves no timer", async () => {
    const { woken } = start(1_000);
    await vi.advanceTimersByTimeAsync(999);
    expect(woken).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(woken).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("waits longer than a single timer can", async () => {
    const ms = 90 * 86_400_000;
    const { woken } = start(ms);
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(woken).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(woken).toHaveBeenCalledTimes(1);
  });

  it("never calls back after it was cancelled", async () => {
    const short = start(1_000);
    const long = start(90 * 86_400_000);
    await vi.advanceTimersByTimeAsync(500);
    short.cancel();
    await vi.advanceTimersByTimeAsync(40 * 86_400_000);
    long.cancel();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(60 * 86_400_000);
    expect([short, long].map(({ woken }) => woken.mock.calls.length)).toEqual([0, 0]);
  });
});
