import { expect, it } from "vitest";
import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "../../src/index.js";
import { decideEntries, type Entry } from "../../src/store/index.js";

// Entries as earlier releases have stored them, and the decisions of those releases on them. Never change them, since
// state outlives a release.
const NOW_MS = 1_700_000_000_000;
const POLICIES: Readonly<Record<string, Policy>> = {
  "token-bucket": tokenBucket({ rate: 7, burst: 10 }),
  "fixed-window": fixedWindow({ limit: 10, window: "1m" }),
  "sliding-window": slidingWindow({ limit: 10, window: "1m" }),
  "sliding-log": slidingLog({ limit: 10, window: "1m" }),
};

type Found = readonly [
  allowed: boolean,
  blocked: boolean,
  remaining: number,
  retryAfterMs: number,
  resetAfterMs: number,
  epochMs: number,
];

const BUCKET = [1_700_000_000_571, 3, 7, 1_000, 1_699_999_999_600];
const WINDOW = [1_699_999_980_000, 4];
const SLIDING = [1_699_999_985_000, 6, 2];
const LOG = [1_699_999_950_000, 2, 1_699_999_999_900, 3];
const BLOCKED = 1_700_000_000_500;
const UNBLOCKED = 1_699_999_999_500;

it.each<[algorithm: string, stored: Entry, found: Found, written: Entry | undefined, ttlMs: number | undefined]>([
  [
    "token-bucket",
    [1, 0, BUCKET],
    [true, false, 3, 0, 1_000, 1_699_999_999_600],
    [1, 0, [1_700_000_001_000, 0, 7, 1_000, 1_699_999_999_600]],
    1_000,
  ],
  ["token-bucket", [1, BLOCKED, BUCKET], [false, true, 0, 500, 572, 1_699_999_999_600], undefined, undefined],
  ["token-bucket", [1, BLOCKED, null], [false, true, 0, 500, 500, NOW_MS], undefined, undefined],
  [
    "token-bucket",
    [2, UNBLOCKED, BUCKET, 1_000],
    [true, false, 3, 0, 1_000, 1_699_999_999_600],
    [2, UNBLOCKED, [1_700_000_001_000, 0, 7, 1_000, 1_699_999_999_600], 1_000],
    1_000,
  ],
  ["token-bucket", [2, BLOCKED, BUCKET, 1_000], [false, true, 0, 500, 572, 1_699_999_999_600], undefined, undefined],
  [
    "fixed-window",
    [1, 0, WINDOW],
    [true, false, 3, 0, 40_000, 1_699_999_980_000],
    [1, 0, [1_699_999_980_000, 7]],
    40_000,
  ],
  ["fixed-window", [1, BLOCKED, WINDOW], [false, true, 0, 500, 40_000, 1_699_999_980_000], undefined, undefined],
  ["fixed-window", [1, BLOCKED, null], [false, true, 0, 500, 500, NOW_MS], undefined, undefined],
  [
    "fixed-window",
    [2, UNBLOCKED, WINDOW, 1_000],
    [true, false, 3, 0, 40_000, 1_699_999_980_000],
    [2, UNBLOCKED, [1_699_999_980_000, 7], 1_000],
    40_000,
  ],
  ["fixed-window", [2, BLOCKED, WINDOW, 1_000], [false, true, 0, 500, 40_000, 1_699_999_980_000], undefined, undefined],
  [
    "sliding-window",
    [1, 0, SLIDING],
    [true, false, 0, 0, 105_000, 1_699_999_985_000],
    [1, 0, [1_699_999_985_000, 6, 5]],
    105_000,
  ],
  ["sliding-window", [1, BLOCKED, SLIDING], [false, true, 0, 500, 105_000, 1_699_999_985_000], undefined, undefined],
  ["sliding-window", [1, BLOCKED, null], [false, true, 0, 500, 500, NOW_MS], undefined, undefined],
  [
    "sliding-window",
    [2, UNBLOCKED, SLIDING, 1_000],
    [true, false, 0, 0, 105_000, 1_699_999_985_000],
    [2, UNBLOCKED, [1_699_999_985_000, 6, 5], 1_000],
    105_000,
  ],
  [
    "sliding-window",
    [2, BLOCKED, SLIDING, 1_000],
    [false, true, 0, 500, 105_000, 1_699_999_985_000],
    undefined,
    undefined,
  ],
  ["sliding-log", [1, 0, LOG], [true, false, 2, 0, 60_000, NOW_MS], [1, 0, [...LOG, NOW_MS, 3]], 60_000],
  ["sliding-log", [1, BLOCKED, LOG], [false, true, 0, 500, 59_900, NOW_MS], undefined, undefined],
  ["sliding-log", [1, BLOCKED, null], [false, true, 0, 500, 500, NOW_MS], undefined, undefined],
  [
    "sliding-log",
    [2, UNBLOCKED, LOG, 1_000],
    [true, false, 2, 0, 60_000, NOW_MS],
    [2, UNBLOCKED, [...LOG, NOW_MS, 3], 1_000],
    60_000,
  ],
  ["sliding-log", [2, BLOCKED, LOG, 1_000], [false, true, 0, 500, 59_900, NOW_MS], undefined, undefined],
])("decides on a %s entry of an earlier release: %j", (algorithm, stored, found, written, ttlMs) => {
  const claim = { scope: "", key: "", policy: POLICIES[algorithm]!, cost: 3 };
  const { outcome, writes } = decideEntries({ claims: [claim], charge: true }, [stored], NOW_MS);
  const { allowed, blocked, remaining, retryAfterMs, resetAfterMs, epochMs } = outcome.findings[0]!;
  expect([allowed, blocked, remaining, retryAfterMs, resetAfterMs, epochMs]).toEqual(found);
  expect(writes[0]?.state).toEqual(written);
  expect(writes[0]?.ttlMs).toBe(ttlMs);
});
