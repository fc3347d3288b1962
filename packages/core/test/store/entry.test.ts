import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withAlgorithm } from "../../src/algorithm/brought.js";
import { fixedWindow, type Policy, slidingLog, tokenBucket } from "../../src/index.js";
import { blockEntry } from "../../src/store/entry.js";
import { type Admission, type Claim, decideEntries, type Entry } from "../../src/store/index.js";
import { refundEntry } from "../../src/store/kit/index.js";
import { ALGORITHMS, algorithmOf, backAndForth, played, policies, START_MS } from "../fixtures/arbitraries.js";

const decide = (admission: Admission, entries: readonly (Entry | undefined)[], nowMs = START_MS) =>
  decideEntries(admission, entries, nowMs);
const claim = (policy: Policy, cost = 1, key = "k"): Claim => ({ scope: `${policy.name}:`, key, policy, cost });

const bucket = tokenBucket({ name: "bucket", rate: 10, interval: "1s" });
const window = fixedWindow({ name: "window", limit: 3, window: "1m" });
const log = slidingLog({ name: "log", limit: 5, window: "1h" });

describe("decideEntries", () => {
  it("grants all claims, and writes an entry for each", () => {
    const { outcome, writes } = decide({ claims: [claim(bucket, 2), claim(window)], charge: true }, [
      undefined,
      undefined,
    ]);
    expect(outcome).toMatchObject({ allowed: true, nowMs: START_MS });
    expect(outcome.findings).toEqual([
      { allowed: true, remaining: 8, retryAfterMs: 0, resetAfterMs: 200, epochMs: START_MS, blocked: false },
      { allowed: true, remaining: 2, retryAfterMs: 0, resetAfterMs: 60_000, epochMs: START_MS, blocked: false },
    ]);
    expect(writes).toEqual([
      { state: [1, 0, [START_MS + 200, 0, 10, 1_000, START_MS]], ttlMs: 200 },
      { state: [1, 0, [START_MS, 1]], ttlMs: 60_000 },
    ]);
  });

  it("writes nothing if one policy denies, and reports the others without a charge", () => {
    const full: Entry = [1, 0, [START_MS - 10, 3]];
    const { outcome, writes } = decide({ claims: [claim(bucket, 2), claim(window)], charge: true }, [undefined, full]);
    expect(writes).toEqual([]);
    expect(outcome.allowed).toBe(false);
    expect(outcome.findings).toMatchObject([
      { allowed: true, remaining: 10, retryAfterMs: 0, resetAfterMs: 0 },
      { allowed: false, remaining: 0, retryAfterMs: 59_990, resetAfterMs: 59_990 },
    ]);
  });

  it("peeks without a write: returns the finding of a charge with the current numbers", () => {
    const { outcome, writes } = decide({ claims: [claim(bucket, 4), claim(window, 3)], charge: false }, [
      undefined,
      undefined,
    ]);
    expect(writes).toEqual([]);
    expect(outcome).toMatchObject({ allowed: true, findings: [{ remaining: 10 }, { remaining: 3, resetAfterMs: 0 }] });
    expect(decide({ claims: [claim(window, 4)], charge: false }, [undefined]).outcome).toMatchObject({
      allowed: false,
      findings: [{ remaining: 3, retryAfterMs: undefined }],
    });
  });

  it("denies a blocked key until the block ends, and returns the later of the two times", () => {
    const used: Entry = [1, START_MS + 500, [START_MS, 3]];
    expect(decide({ claims: [claim(window)], charge: true }, [used]).outcome.findings).toEqual([
      { allowed: false, remaining: 0, retryAfterMs: 60_000, resetAfterMs: 60_000, epochMs: START_MS, blocked: true },
    ]);
    const fresh: Entry = [1, START_MS + 500, null];
    const { outcome, writes } = decide({ claims: [claim(window)], charge: true }, [fresh]);
    expect(writes).toEqual([]);
    expect(outcome.findings).toEqual([
      { allowed: false, remaining: 0, retryAfterMs: 500, resetAfterMs: 500, epochMs: START_MS, blocked: true },
    ]);
    const never = decide({ claims: [claim(window, 4)], charge: true }, [fresh]);
    expect(never.outcome.findings[0]?.retryAfterMs).toBeUndefined();
    expect(decide({ claims: [claim(window)], charge: true }, [fresh], START_MS + 500).outcome.allowed).toBe(true);
  });

  it("keeps an ended block when it writes, and keeps an entry as long as its block", () => {
    const blocked: Entry = [1, START_MS - 1, null];
    expect(decide({ claims: [claim(window)], charge: true }, [blocked]).writes[0]?.state).toEqual([
      1,
      START_MS - 1,
      [START_MS, 1],
    ]);
    const next = blockEntry([1, 0, [START_MS, 1]], window, START_MS, 90_000);
    expect(next).toEqual({ state: [2, START_MS + 90_000, [START_MS, 1], 90_000], ttlMs: 90_000 });
    expect(blockEntry([1, 0, [START_MS, 1]], window, START_MS, 1).ttlMs).toBe(60_000);
    expect(blockEntry(undefined, window, START_MS, 7)).toEqual({
      state: [2, START_MS + 7, null, 7],
      ttlMs: 7,
    });
  });

  it("limits a block to its length when the clock stepped back, and writes this once", () => {
    const blocked: Entry = [2, START_MS + 1_000, [START_MS, 3], 1_000];
    const backMs = START_MS - 3_600_000;
    const look = (entry: Entry | undefined, nowMs: number) =>
      decide({ claims: [claim(window)], charge: false }, [entry], nowMs);
    const { outcome, writes } = look(blocked, backMs);
    expect(outcome.findings).toMatchObject([{ allowed: false, blocked: true, retryAfterMs: 60_000 }]);
    expect(writes).toEqual([{ state: [2, backMs + 1_000, [backMs, 3], 1_000], ttlMs: 60_000 }]);
    const repaired = writes[0]?.state;
    expect(look(repaired, backMs).writes).toEqual([]);
    expect(look(repaired, backMs + 1).writes).toEqual([]);
    expect(look(repaired, backMs + 999).outcome.findings[0]?.blocked).toBe(true);
    expect(look(repaired, backMs + 1_000).outcome.findings[0]?.blocked).toBe(false);
    // A block without a length cannot be limited.
    const [finding] = look([1, START_MS + 1_000, null], backMs).outcome.findings;
    expect(finding).toMatchObject({ blocked: true, retryAfterMs: 3_601_000 });
  });

  it("repairs every entry that needs it, but charges none, if one claim is denied", () => {
    const backMs = START_MS - 86_400_000;
    const entries: Entry[] = [
      [1, 0, [START_MS, 1]],
      [1, 0, [backMs - 5, 9]],
      [1, 0, [START_MS, 3]],
    ];
    const claims = [claim(window), claim(log), claim({ ...window, name: "full" })];
    const { outcome, writes } = decide({ claims, charge: true }, entries, backMs);
    expect(outcome.allowed).toBe(false);
    expect(writes).toEqual([
      { state: [1, 0, [backMs, 1]], ttlMs: 60_000 },
      undefined,
      { state: [1, 0, [backMs, 3]], ttlMs: 60_000 },
    ]);
  });

  it("never shortens a block, and extends it from now", () => {
    const blockFor = (entry: Entry | undefined, forMs: number, nowMs = START_MS) =>
      blockEntry(entry, window, nowMs, forMs).state;
    const long = blockFor(undefined, 86_400_000);
    expect(blockFor(long, 1_000)).toEqual(long);
    expect(blockFor(long, 1_000, START_MS + 86_399_500)).toEqual([2, START_MS + 86_400_500, null, 1_000]);
    expect(blockFor([1, START_MS + 5_000, null], 1_000)).toEqual([1, START_MS + 5_000, null]);
    // A clock step may shorten a block, so the longer length is kept.
    expect(blockFor(long, 1_000, START_MS - 3_600_000)).toEqual([2, START_MS + 82_800_000, null, 86_400_000]);
  });

  it.each([[[2, 0, null]], [[2, 0, null, "1"]], [[3, 0, null, 1]], [["1", 0, null]], [{}], ["text"], [5], [[]]])(
    "refuses to read %j",
    (entry) => {
      const read = () => decide({ claims: [claim(window)], charge: true }, [entry as unknown as Entry]);
      expect(read).toThrow(expect.objectContaining({ code: "STORE_STATE_UNREADABLE" }));
    },
  );

  it.each(ALGORITHMS)("returns the algorithm's finding for one claim of %s, and writes its state", (algorithm) => {
    fc.assert(
      fc.property(policies(algorithm), backAndForth, fc.integer({ min: 1, max: 50 }), (policy, requests, cost) => {
        const { state, nowMs } = played(policy, requests);
        const entry: Entry | undefined = state === undefined ? undefined : [1, 0, state];
        const { next, ...finding } = algorithmOf(policy).step(state, policy, nowMs, cost);
        const { outcome, writes } = decide({ claims: [claim(policy, cost)], charge: true }, [entry], nowMs);
        expect(outcome).toEqual({ allowed: finding.allowed, nowMs, findings: [{ ...finding, blocked: false }] });
        expect(writes).toEqual(next === undefined ? [] : [{ state: [1, 0, next.state], ttlMs: next.ttlMs }]);
      }),
    );
  });
});

describe("refundEntry", () => {
  it("refunds a charge of decideEntries, and keeps the block", () => {
    const charged = decide({ claims: [claim(log, 3)], charge: true }, [[1, START_MS - 5, [START_MS - 10, 1]]]);
    const change = refundEntry(claim(log, 3), charged.outcome.findings[0]!.epochMs, START_MS);
    expect(change(charged.writes[0]?.state, START_MS)?.state).toEqual([1, START_MS - 5, [START_MS - 10, 1]]);
  });

  it("keeps a blocked entry as long as the block", () => {
    const blocked: Entry = [1, START_MS + 90_000, [START_MS, 2]];
    expect(refundEntry(claim(window), START_MS, START_MS)(blocked, START_MS)).toEqual({
      state: [1, START_MS + 90_000, [START_MS, 1]],
      ttlMs: 90_000,
    });
  });

  it("ignores entries that are missing, expired or not refundable", () => {
    const change = refundEntry(claim(window), START_MS, START_MS);
    expect(change(undefined, START_MS)).toBeUndefined();
    expect(change([1, START_MS + 5, null], START_MS)).toBeUndefined();
    expect(change([1, 0, [START_MS, 1]], START_MS + 60_000)).toBeUndefined();
    const { refund: _, ...noRefunds } = algorithmOf(window);
    const without = refundEntry(claim(withAlgorithm(window, noRefunds)), START_MS, START_MS);
    expect(without([1, 0, [START_MS, 1]], START_MS)).toBeUndefined();
  });
});
