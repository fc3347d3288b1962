import { beforeEach, describe, expect, it } from "vitest";
import { createPace, type Pace, unpaced } from "../../src/store/pace.js";

const OPTIONS = { maxSize: 1_000, maxInFlight: 4, worthSplitting: 16 };
const TIMEOUT_MS = 400;

let pace: Pace;
beforeEach(() => {
  pace = createPace(OPTIONS);
});

/** Sends a batch whose callers wait 400 ms. */
const send = (nowMs: number, deadlineMs = nowMs + TIMEOUT_MS) => pace.sent(nowMs, deadlineMs);

/** Sends a batch that is answered after `tookMs`. */
function exchange(nowMs: number, tookMs: number, answered = true): void {
  send(nowMs)(nowMs + tookMs, answered);
}

describe("the wait before the next batch", () => {
  it("is 0 for the first two batches", () => {
    expect(pace.waitMs(0)).toBe(0);
    send(0);
    expect(pace.waitMs(0)).toBe(0);
  });

  it("lets one batch at a time leave if only one may be in flight", () => {
    pace = createPace({ ...OPTIONS, maxInFlight: 1 });
    send(0);
    expect(pace.waitMs(10)).toBe(TIMEOUT_MS - 10);
  });

  it("is a fraction of the callers' patience if two batches are in flight", () => {
    send(0);
    send(0);
    expect(pace.waitMs(0)).toBe(TIMEOUT_MS / 4);
    expect(pace.waitMs(60)).toBe(TIMEOUT_MS / 4 - 60);
    expect(pace.waitMs(TIMEOUT_MS / 4)).toBe(0);
  });

  it("assumes a patience of at most half a second", () => {
    send(0, 60_000);
    send(0, 60_000);
    expect(pace.waitMs(0)).toBe(500 / 4);
  });

  it("is 5 ms if callers have little time", () => {
    send(0, 10);
    send(0, 10);
    expect(pace.waitMs(0)).toBe(5);
  });

  it("grows with the silence of the store, counted from the oldest batch or from the last answer", () => {
    const answer = send(0, 5_000);
    send(0, 5_000);
    send(200, 5_000);
    // A quarter of 680 ms is more than the 125 ms between batches.
    expect(pace.waitMs(680)).toBe(0);
    send(680, 5_000);
    answer(681, true);
    expect(pace.waitMs(681)).toBe(125 - 1);
  });

  it("is a quarter of the silence if that is longer", () => {
    send(0, 5_000);
    send(0, 5_000);
    send(990, 5_000);
    expect(pace.waitMs(1_000)).toBe(1_000 / 4 - 10);
  });

  it("lasts until a place is free if the maximum of batches is in flight", () => {
    for (const nowMs of [0, 0, 100, 200]) send(nowMs);
    expect(pace.waitMs(300)).toBe(TIMEOUT_MS - 300);
  });

  it("is 0 when the clock stepped back", () => {
    send(1_000);
    send(1_000);
    expect(pace.waitMs(500)).toBe(0);
  });

  it("frees the places of answered batches, and of batches whose callers no longer wait", () => {
    const answer = send(0);
    send(0);
    answer(1, true);
    expect(pace.waitMs(1)).toBe(0);
    send(1);
    send(2);
    send(3);
    expect(pace.waitMs(4)).toBe(TIMEOUT_MS - 4);
    // The store has answered since the batch of 0 ms was sent, so it is not silent.
    expect(pace.waitMs(TIMEOUT_MS)).toBeLessThan(100);
    expect(pace.probing).toBe(false);
  });
});

it("the wait before the next batch is 0 once a batch has expired, if the store has answered since it was sent", () => {
  const answer = send(0, 5_000);
  send(0, 100);
  answer(50, true);
  send(60, 5_000);
  expect(pace.waitMs(99)).toBeGreaterThan(0);
  expect(pace.waitMs(101)).toBe(0);
});

describe("a silent store", () => {
  beforeEach(() => {
    send(0);
    send(0);
    pace.waitMs(TIMEOUT_MS);
  });

  it("is probed 100 ms after the last batch, then after gaps that double up to a second", () => {
    expect(pace.probing).toBe(true);
    expect(pace.failing).toBe(false);
    expect(pace.idle).toBe(true);
    let lastMs = 300;
    const gaps: number[] = [];
    send(lastMs);
    for (let i = 0; i < 6; i++) {
      // The callers of the probe no longer wait.
      const gap = pace.waitMs(lastMs + TIMEOUT_MS) + TIMEOUT_MS;
      gaps.push(gap);
      lastMs += gap;
      send(lastMs);
    }
    expect(gaps).toEqual([400, 400, 800, 1_000, 1_000, 1_000]);
  });

  it("has one probe in flight at a time", () => {
    send(500);
    expect(pace.waitMs(510)).toBe(TIMEOUT_MS - 10);
  });

  it("waits for the first gap", () => {
    expect(pace.waitMs(TIMEOUT_MS)).toBe(0);
    pace = createPace(OPTIONS);
    send(0);
    send(350, 400);
    expect(pace.waitMs(400)).toBe(50);
  });

  it("is no longer silent after its first answer, even if the batch was given up", () => {
    exchange(500, 3);
    expect(pace.probing).toBe(false);
    expect(pace.waitMs(503)).toBe(0);
  });

  it("is not silent if it refuses calls", () => {
    exchange(500, 3, false);
    expect(pace.probing).toBe(false);
  });

  it("starts again with short gaps after it has recovered", () => {
    for (const nowMs of [500, 1_000, 2_000]) {
      send(nowMs);
      pace.waitMs(nowMs + TIMEOUT_MS);
    }
    exchange(3_000, 3);
    send(4_000);
    send(4_350, 4_400);
    expect(pace.waitMs(4_400)).toBe(50);
  });
});

describe("a failing store", () => {
  const fail = (times: number) => {
    for (let i = 0; i < times; i++) exchange(10 * i, 1, false);
  };

  it("is a store whose last five batches failed", () => {
    fail(4);
    expect(pace).toMatchObject({ failing: false, probing: false });
    expect(pace.waitMs(40)).toBe(0);
    fail(1);
    expect(pace).toMatchObject({ failing: true, probing: true });
  });

  it("is probed after gaps that double", () => {
    fail(5);
    expect(pace.waitMs(41)).toBe(100 - 1);
    exchange(140, 1, false);
    expect(pace.waitMs(141)).toBe(200 - 1);
    exchange(340, 1, false);
    expect(pace.waitMs(341)).toBe(400 - 1);
  });

  it("is no longer failing after an answer", () => {
    fail(4);
    exchange(40, 1);
    fail(4);
    expect(pace.failing).toBe(false);
    fail(1);
    exchange(200, 1);
    expect(pace).toMatchObject({ failing: false, probing: false });
    fail(5);
    expect(pace.waitMs(41)).toBe(100 - 1);
  });
});

describe("the size of a batch", () => {
  it("includes all items if they are few, or if only one batch may leave", () => {
    expect(pace.sizeFor(16)).toBe(16);
    send(0);
    expect(pace.sizeFor(100)).toBe(100);
    send(0);
    send(0);
    expect(pace.sizeFor(100)).toBe(100);
  });

  it("is half of many items if two batches may leave, and never above the maximum", () => {
    expect(pace.sizeFor(101)).toBe(51);
    expect(pace.sizeFor(5_000)).toBe(1_000);
  });
});

describe("hopeless calls", () => {
  it("are those whose deadline is before the shortest possible answer", () => {
    expect(pace.hopelessMs(5)).toBe(5);
    exchange(10, 7);
    expect(pace.hopelessMs(20)).toBe(27);
    exchange(20, 3);
    expect(pace.hopelessMs(30)).toBe(33);
  });

  it("are unknown if the last answer is more than a second old, and then longer answers count immediately", () => {
    exchange(10, 7);
    expect(pace.hopelessMs(1_017)).toBe(1_024);
    expect(pace.hopelessMs(1_018)).toBe(1_018);
    exchange(2_000, 90);
    expect(pace.hopelessMs(2_090)).toBe(2_180);
  });

  it("are not affected by failures", () => {
    exchange(10, 7, false);
    expect(pace.hopelessMs(20)).toBe(20);
  });
});

describe("a batch without a deadline", () => {
  it("is given up after 30 s", () => {
    pace = createPace({ ...OPTIONS, maxInFlight: 1 });
    send(0, Number.POSITIVE_INFINITY);
    expect(pace.waitMs(1_000)).toBe(29_000);
    expect(pace.idle).toBe(false);
    pace.waitMs(30_000);
    expect(pace.idle).toBe(true);
  });
});

it("a store whose calls belong to requests is called immediately, without a limit or probes", () => {
  const free = unpaced(20);
  for (let i = 0; i < 10; i++) free.sent(i, i + 1)(i, false);
  expect(free).toMatchObject({ idle: false, probing: false, failing: false });
  expect([free.waitMs(5), free.sizeFor(100), free.hopelessMs(5)]).toEqual([0, 20, 5]);
});
