import { describe, expect, it } from "vitest";
import { createLatency } from "../../src/store/kit/index.js";

/** The latency after answers that took these times. */
function after(...tookMs: number[]) {
  const latency = createLatency();
  for (const ms of tookMs) latency.took(ms);
  return latency;
}

describe("the latency of a database", () => {
  it("is 0 before the first answer", () => {
    expect(after()).toMatchObject({ shortestMs: 0, usualMs: 0 });
  });

  it("equals that of the first answer", () => {
    expect(after(8)).toMatchObject({ shortestMs: 8, usualMs: 8 + 2 * (8 / 4) });
  });

  it("follows a shorter answer immediately, and a longer one by an eighth", () => {
    expect(after(80, 8).shortestMs).toBe(8);
    expect(after(8, 80).shortestMs).toBe(8 + 72 / 8);
  });

  it("drops older answers if they no longer count", () => {
    const latency = after(8, 8, 8);
    latency.took(80, true);
    expect(latency.shortestMs).toBe(80);
  });

  it("counts an answer as instant if the clock stepped back", () => {
    expect(after(8, -5).shortestMs).toBe(0);
  });

  it("has a usual time of the average plus twice the deviation, by Jacobson's estimate", () => {
    // The average moves by an eighth of the difference, the deviation by a quarter.
    const [average, deviation] = [8 + (16 - 8) / 8, 2 + (8 - 2) / 4];
    expect(after(8, 16).usualMs).toBe(average + 2 * deviation);
  });

  it("has a usual time of at most twice the average", () => {
    expect(after(1, 100, 100).usualMs).toBeLessThan(2 * 100);
    const [average] = [1 + 99 / 8];
    expect(after(1, 100).usualMs).toBe(2 * average);
  });

  it("converges to a constant time", () => {
    const steady = after(...new Array(100).fill(20));
    expect(steady.usualMs).toBeCloseTo(20);
    expect(steady.shortestMs).toBe(20);
  });

  it("is recent for a second", () => {
    const { isRecent } = createLatency();
    expect(isRecent(5_000, 6_000)).toBe(true);
    expect(isRecent(5_000, 6_001)).toBe(false);
    expect(isRecent(Number.NEGATIVE_INFINITY, 0)).toBe(false);
  });
});
