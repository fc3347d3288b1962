import { describe, expect, it } from "vitest";
import { manualClock } from "../src/index.js";

const never = new AbortController().signal;

describe("manualClock", () => {
  it("does not move until it is advanced, forward or back", async () => {
    const clock = manualClock(5_000);
    expect(clock.nowMs()).toBe(5_000);
    await clock.advance(250);
    expect(clock.nowMs()).toBe(5_250);
    await clock.advance(-1_000);
    expect(clock.nowMs()).toBe(4_250);
  });

  it("wakes sleepers in the order of their times, each at its own time", async () => {
    const clock = manualClock(0);
    const woken: [string, number][] = [];
    const sleeper = async (name: string, ms: number) => {
      await clock.sleep(ms, never);
      woken.push([name, clock.nowMs()]);
    };
    void sleeper("late", 300);
    void sleeper("early", 100);
    void sleeper("also early", 100);
    void sleeper("asleep", 301);
    expect(clock.sleeping).toBe(4);
    await clock.advance(300);
    expect(woken).toEqual([
      ["early", 100],
      ["also early", 100],
      ["late", 300],
    ]);
    expect(clock.sleeping).toBe(1);
    expect(clock.nowMs()).toBe(300);
  });

  it("lets woken sleepers sleep again within the same move", async () => {
    const clock = manualClock(0);
    const wakings: number[] = [];
    const ticking = (async () => {
      for (let i = 0; i < 5; i++) {
        await clock.sleep(10, never);
        wakings.push(clock.nowMs());
      }
    })();
    await clock.advance(100);
    await ticking;
    expect(wakings).toEqual([10, 20, 30, 40, 50]);
  });

  it("removes sleepers whose signal is aborted", async () => {
    const clock = manualClock(0);
    const controller = new AbortController();
    let woken = false;
    void clock.sleep(10, controller.signal).then(() => {
      woken = true;
    });
    controller.abort();
    expect(clock.sleeping).toBe(0);
    void clock.sleep(10, controller.signal);
    expect(clock.sleeping).toBe(0);
    await clock.advance(100);
    expect(woken).toBe(false);
  });
});
