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

/** Sends a batch that is answered after some milliseconds. */
function exchange(nowMs: number, tookMs: number, answered = true): void {
  send(nowMs)(nowMs + tookMs, answered);
}

describe("the wait before the next batch", () => {
  it("is 0 for the first two batches", () => {
    expect(pace.waitMs(0)).toBe(0);
    send(0);
    expect(pace.waitMs(0)).toBe(0);
  });

  it("lets one batch at a time leave where only one may be in flight", () => {
    pace = createPace({ ...OPTIONS, maxInFlight: 1 });
    send(0);
    expect(pace.waitMs(10)).toBe(TIMEOUT_MS - 10);
  });

  it("is a share of the time that callers wait, for more batches than two", () => {
    send(0);
    send(0);
    expect(pace.waitMs(0)).toBe(TIMEOUT_MS / 4);
    expect(pace.waitMs(60)).toBe(TIMEOUT_MS / 4 - 60);
    expect(pace.waitMs(TIMEOUT_MS / 4)).toBe(0);
  });

  it("counts a patience of half a second at most", () => {
    send(0, 60_000);
    send(0, 60_000);
    expect(pace.waitMs(0)).toBe(500 / 4);
  });

  it("is 5 ms where callers are in a hurry", () => {
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

  it("is a quarter of the silence when that is more", () => {
    send(0, 5_000);
    send(0, 5_000);
    send(990, 5_000);
    expect(pace.waitMs(1_000)).toBe(1_000 / 4 - 10);
  });

  it("lasts until a place is free when as many batches are in flight as may be", () => {
    for (const nowMs of [0, 0, 100, 200]) send(nowMs);
    expect(pace.waitMs(300)).toBe(TIMEOUT_MS - 300);
  });

  it("is 0 when the clock stepped back", () => {
    send(1_000);
    send(1_000);
    expect(pace.waitMs(500)).toBe(0);
  });

  it("frees the places of answered batches, and of those whose callers no longer wait", () => {
    const answer = send(0);
    send(0);
    answer(1, true);
    expect(pace.waitMs(1)).toBe(0);
    send(1);
    send(2);
    send(3);
    expect(pace.waitMs(4)).toBe(TIMEOUT_MS - 4);
    // The store has answered since the batch of 0 ms left, so its silence says nothing.
    expect(pace.waitMs(TIMEOUT_MS)).toBeLessThan(100);
    expect(pace.probing).toBe(false);
  });
});

it("the wait before the next batch is 0 once a batch has expired, if the store has answered since it left", () => {
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
      // The probe's callers no longer wait.
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

  it("is back with its first answer, also of a batch that was given up", () => {
    exchange(500, 3);
    expect(pace.probing).toBe(false);
    expect(pace.waitMs(503)).toBe(0);
  });

  it("is not silent if it refuses", () => {
    exchange(500, 3, false);
    expect(pace.probing).toBe(false);
  });

  it("starts with short gaps again after it was back", () => {
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

  it("is one whose last five batches failed", () => {
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

  it("is no longer one after an answer", () => {
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
  it("is that of all items when they are few, or when one batch may leave", () => {
    expect(pace.sizeFor(16)).toBe(16);
    send(0);
    expect(pace.sizeFor(100)).toBe(100);
    send(0);
    send(0);
    expect(pace.sizeFor(100)).toBe(100);
  });

  it("is half of many items when two batches may leave, and never more than the largest", () => {
    expect(pace.sizeFor(101)).toBe(51);
    expect(pace.sizeFor(5_000)).toBe(1_000);
  });
});

describe("calls without hope", () => {
  it("are those that end before the shortest answer could arrive", () => {
    expect(pace.hopelessMs(5)).toBe(5);
    exchange(10, 7);
    expect(pace.hopelessMs(20)).toBe(27);
    exchange(20, 3);
    expect(pace.hopelessMs(30)).toBe(33);
  });

  it("are unknown when the last answer is more than a second old, and longer answers count at once then", () => {
    exchange(10, 7);
    expect(pace.hopelessMs(1_017)).toBe(1_024);
    expect(pace.hopelessMs(1_018)).toBe(1_018);
    exchange(2_000, 90);
    expect(pace.hopelessMs(2_090)).toBe(2_180);
  });

  it("learn nothing from failures", () => {
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

it("a store whose calls belong to requests is asked at once, in any number, and never probed", () => {
  const free = unpaced(20);
  for (let i = 0; i < 10; i++) free.sent(i, i + 1)(i, false);
  expect(free).toMatchObject({ idle: false, probing: false, failing: false });
  expect([free.waitMs(5), free.sizeFor(100), free.hopelessMs(5)]).toEqual([0, 20, 5]);
});
