import { createLimiter, fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { timeBy } from "../src/stored.js";
import { serverWithTable } from "./server.js";

const { openStore } = await serverWithTable();

const HOUR_MS = 3_600_000;

afterEach(() => vi.restoreAllMocks());

/** Sets the clock of this process. */
function setClock(offsetMs: number): void {
  vi.restoreAllMocks();
  const now = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => now() + offsetMs);
}

const POLICIES: readonly Policy[] = [
  tokenBucket({ rate: 10, interval: "1m" }),
  fixedWindow({ limit: 10, window: "1m" }),
  slidingWindow({ limit: 10, window: "1m" }),
  slidingLog({ limit: 10, window: "1m" }),
];

describe.each(POLICIES)("$algorithm", (policy) => {
  it("is repaired by one write after the clock stepped back by an hour", async () => {
    const { store, requests } = openStore();
    const limiter = createLimiter({ store, policies: policy, prefix: "step", timeout: "20s", denyCache: false });
    await limiter.consume("somebody", { cost: 10 });
    setClock(-HOUR_MS);
    requests.take();
    const most = policy.algorithm === "sliding-window" ? 120_000 : 60_000;
    for (let i = 0; i < 4; i++) {
      const { allowed, retryAfterMs, source } = await limiter.consume("somebody");
      expect([allowed, source]).toEqual([false, "store"]);
      expect(retryAfterMs).toBeLessThanOrEqual(most);
    }
    expect(requests.take().UpdateItemCommand).toBe(1);
  });

  it("grants a process whose clock is one second behind no more than its share", async () => {
    const limiter = createLimiter({
      store: openStore().store,
      policies: policy,
      prefix: "skew",
      timeout: "20s",
      denyCache: false,
    });
    setClock(0);
    for (let i = 0; i < 5; i++) await limiter.consume("somebody");
    setClock(-1_000);
    let granted = 0;
    for (let i = 0; i < 8; i++) if (await limiter.allow("somebody")) granted++;
    // A clock that is behind sees a bucket with fewer refilled tokens.
    expect(granted).toBe(policy.algorithm === "token-bucket" ? 4 : 5);
    setClock(0);
    if (await limiter.allow("somebody")) granted++;
    expect(granted).toBe(5);
    expect(await limiter.allow("somebody")).toBe(false);
  });
});

it("limits a block to its length after the clock stepped back", async () => {
  const [policies] = POLICIES as [Policy];
  const limiter = createLimiter({
    store: openStore().store,
    policies,
    prefix: "block",
    timeout: "20s",
    denyCache: false,
  });
  await limiter.consume("somebody");
  await limiter.block("somebody", "1s");
  setClock(-HOUR_MS);
  const { allowed, policies: found } = await limiter.consume("somebody");
  expect([allowed, found[0]?.blocked]).toEqual([false, true]);
  setClock(-HOUR_MS + 1_100);
  expect((await limiter.peek("somebody")).policies[0]?.blocked).toBe(false);
});

describe("timeBy", () => {
  const [bucket, window] = POLICIES as [Policy, Policy];

  it("follows clocks that are ahead by up to two seconds, but not further", () => {
    const at = (startMs: number) => timeBy(100_000, [{ entry: [1, 0, [startMs, 1]], policy: window }]);
    expect([at(99_000), at(101_000), at(102_000), at(102_001)]).toEqual([100_000, 101_000, 102_000, 100_000]);
    expect(timeBy(100_000, [{ entry: [2, 161_000, null, 60_000], policy: window }])).toBe(101_000);
    // This bucket of 10 tokens, refilled at 10 per minute, cannot be full later than in a minute.
    expect(timeBy(100_000, [{ entry: [1, 0, [161_500, 0, 10, 60_000, 7]], policy: bucket }])).toBe(101_500);
    expect(timeBy(100_000, [{ entry: [1, 0, [150_000, 0, 10, 60_000, 7]], policy: bucket }])).toBe(100_000);
  });
});
