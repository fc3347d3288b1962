import { describe, expect, it } from "vitest";
import { createPace, type Pace } from "../src/requests.js";

/** Sends a request that is answered at `nowMs`. */
function answered(pace: Pace, sentMs: number, nowMs: number): void {
  const ended = pace.sent(sentMs);
  pace.took(nowMs - sentMs);
  ended(nowMs, "answered");
}

describe("the time that an answer needs", () => {
  it("is 0 before the first answer", () => {
    expect(createPace().hopelessMs(100)).toBe(100);
    expect(createPace().usualMs(100)).toBe(0);
  });

  it("follows the fastest recent answer", () => {
    const pace = createPace();
    pace.sent(0);
    for (const sentMs of [0, 100, 200]) answered(pace, sentMs, sentMs + 80);
    expect(pace.hopelessMs(281)).toBe(281 + 80);
    answered(pace, 281, 291);
    expect(pace.hopelessMs(292)).toBe(292 + 10);
    answered(pace, 292, 292 + 90);
    expect(pace.hopelessMs(383)).toBe(383 + 20);
  });

  it("is halved with nothing in flight, so that one slow answer does not reject later calls", () => {
    const pace = createPace();
    answered(pace, 0, 490);
    expect(pace.hopelessMs(491)).toBe(491 + 245);
  });

  it("is 0 again if the last answer is old, since otherwise nothing would be sent", () => {
    const pace = createPace();
    answered(pace, 0, 80);
    expect(pace.hopelessMs(100)).toBe(140);
    expect(pace.hopelessMs(131)).toBe(131);
    const ended = pace.sent(131);
    expect(pace.hopelessMs(140)).toBe(220);
    expect(pace.hopelessMs(1_081)).toBe(1_081);
    ended(1_081, "answered");
    expect(pace.hopelessMs(1_082)).toBe(1_082 + 40);
  });

  it("is longer if some answers take longer", () => {
    const [steady, uneven] = [createPace(), createPace()];
    for (let i = 0; i < 40; i++) {
      answered(steady, i * 100, i * 100 + 50);
      answered(uneven, i * 100, i * 100 + (i % 4 === 0 ? 90 : 40));
    }
    expect(steady.usualMs(4_000)).toBeCloseTo(50, 1);
    expect(uneven.usualMs(4_000)).toBeGreaterThan(75);
    expect(uneven.usualMs(4_000)).toBeLessThan(110);
  });
});

describe("silence of DynamoDB", () => {
  it("starts with one unanswered request, unless another was answered since it was sent", () => {
    const pace = createPace();
    answered(pace, 0, 10);
    const [first, second] = [pace.sent(20), pace.sent(21)];
    answered(pace, 30, 40);
    first(220, "unanswered");
    second(221, "disconnected");
    expect(pace.silent).toBe(false);
    pace.sent(230)(430, "unanswered");
    expect(pace.silent).toBe(true);
    answered(pace, 530, 540);
    expect(pace.silent).toBe(false);
  });

  it("starts with two connections that break one after the other, however many break together", () => {
    const pace = createPace();
    for (const ended of [0, 1, 2, 3].map((sentMs) => pace.sent(sentMs))) ended(10, "disconnected");
    expect(pace.silent).toBe(false);
    pace.sent(11)(12, "disconnected");
    expect(pace.silent).toBe(true);
  });

  it("does not start with a request that had less time than an answer takes", () => {
    const pace = createPace();
    answered(pace, 0, 80);
    pace.sent(140)(160, "unanswered");
    expect(pace.silent).toBe(false);
  });

  it("causes probes with growing gaps", () => {
    const pace = createPace();
    expect(pace.nextMs()).toBe(Number.NEGATIVE_INFINITY);
    const gaps: number[] = [];
    pace.sent(0)(200, "unanswered");
    for (let nowMs = 0; gaps.length < 5; nowMs = pace.nextMs()) {
      // The gaps do not depend on whether the probe before has ended.
      if (nowMs > 0) pace.sent(nowMs);
      gaps.push(pace.nextMs() - nowMs);
    }
    expect(gaps).toEqual([100, 200, 400, 500, 500]);
    answered(pace, 5_000, 5_010);
    expect(pace.nextMs()).toBe(Number.NEGATIVE_INFINITY);
  });

  it("ends with few concurrent requests, and two more after each answer", () => {
    const pace = createPace();
    expect(pace.window).toBe(Number.POSITIVE_INFINITY);
    pace.sent(0)(200, "unanswered");
    expect(pace.window).toBe(1);
    for (let i = 0; i < 10; i++) answered(pace, 300 + i, 310 + i);
    expect(pace.window).toBe(21);
    for (let i = 0; i < 60; i++) answered(pace, 400 + i, 410 + i);
    expect(pace.window).toBe(Number.POSITIVE_INFINITY);
  });
});
