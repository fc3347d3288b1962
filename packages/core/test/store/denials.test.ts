import { beforeEach, describe, expect, it } from "vitest";
import { fixedWindow } from "../../src/index.js";
import { createDenyCache, type DenialsHost, type DenyCache } from "../../src/store/deny-cache.js";
import type { Claim, ClaimFinding, Outcome } from "../../src/store/index.js";

const minute = fixedWindow({ name: "minute", limit: 5, window: "1m" });
const hour = fixedWindow({ name: "hour", limit: 50, window: "1h" });

const claim = (policy: typeof minute, key = "k", cost = 1): Claim => {
  return { scope: `api:${policy.name}:fixed-window:`, key, policy, cost };
};
const found = (finding: Partial<ClaimFinding> = {}): ClaimFinding => {
  return { allowed: true, remaining: 9, retryAfterMs: 0, resetAfterMs: 60_000, epochMs: 1, blocked: false, ...finding };
};
const denied = (finding: Partial<ClaimFinding> = {}): ClaimFinding => {
  return found({ allowed: false, remaining: 0, retryAfterMs: 60_000, ...finding });
};
/** The outcome of a store whose clock is at 5,000. */
const outcome = (...findings: ClaimFinding[]): Outcome => {
  return { allowed: findings.every(({ allowed }) => allowed), nowMs: 5_000, findings };
};

const host: DenialsHost = { quotas: [minute, hour], timeoutMs: 200, onlyBlocked: false, storeDecides: true };
const both = [claim(minute), claim(hour)];

let cache: DenyCache;
beforeEach(() => {
  cache = createDenyCache({ maxKeys: 100, maxAgeMs: 1_000 });
});

/** Stores an outcome for two policies at 100 ms, of which the first denies. */
function note(findings: [ClaimFinding, ClaimFinding] = [denied(), found()], of: Partial<DenialsHost> = {}): void {
  cache.openFor({ ...host, ...of }).note(both, outcome(...findings), { deadlineMs: 300, nowMs: 100 });
}
const find = (nowMs: number, claims: readonly Claim[] = both, of: Partial<DenialsHost> = {}) =>
  cache.openFor({ ...host, ...of }).find(claims, { nowMs });

describe("a repeated denial", () => {
  it("has reduced times and a later store time, in whole milliseconds", () => {
    note();
    expect(find(350.7)).toEqual({
      allowed: false,
      nowMs: 5_250,
      findings: [denied({ retryAfterMs: 59_750, resetAfterMs: 59_750 }), found({ resetAfterMs: 59_750 })],
    });
  });

  it("keeps an unknown time", () => {
    note([denied({ retryAfterMs: undefined, blocked: true }), found()]);
    expect(find(200)?.findings[0]?.retryAfterMs).toBeUndefined();
  });

  it("ends at the earliest of its times", () => {
    note([denied({ retryAfterMs: 50, resetAfterMs: 80 }), found()]);
    expect(find(149)).toBeDefined();
    expect(find(150)).toBeUndefined();
    note([denied(), found({ resetAfterMs: 40 })]);
    expect(find(139)).toBeDefined();
    expect(find(140)).toBeUndefined();
  });

  it("does not end immediately if another policy is unused", () => {
    note([denied(), found({ resetAfterMs: 0 })]);
    expect(find(200)?.findings[1]?.resetAfterMs).toBe(0);
  });

  it("is refreshed by one request after half of its time, while others still get it", () => {
    note();
    expect(find(599)).toBeDefined();
    expect(find(600)).toBeUndefined();
    expect(find(601)).toBeDefined();
    expect(find(1_099)).toBeDefined();
    expect(find(1_100)).toBeUndefined();
  });
});

describe("a denial is not repeated", () => {
  it("while the cache is empty, or after an allowed request", () => {
    expect(find(150)).toBeUndefined();
    note();
    note([found(), found()]);
    expect(find(150)).toBeUndefined();
  });

  it("for a clock that stepped back", () => {
    note();
    expect(find(99)).toBeUndefined();
  });

  it("for a lower cost, and for more than another policy has left", () => {
    cache.openFor(host).note([claim(minute, "k", 2), claim(hour, "k", 2)], outcome(denied(), found({ remaining: 3 })), {
      deadlineMs: 300,
      nowMs: 100,
    });
    expect(find(150, [claim(minute, "k", 1), claim(hour, "k", 1)])).toBeUndefined();
    expect(find(150, [claim(minute, "k", 3), claim(hour, "k", 3)])).toBeDefined();
    expect(find(150, [claim(minute, "k", 4), claim(hour, "k", 4)])).toBeUndefined();
  });

  it("for a cost that one of the policies never allows", () => {
    note();
    expect(find(150, [claim(minute, "k", 6), claim(hour, "k", 6)])).toBeUndefined();
    expect(find(150, [claim(minute, "k", 5), claim(hour, "k", 5)])).toBeDefined();
  });

  it("for other claims than the denied ones", () => {
    note();
    expect(find(150, [claim(minute)], { quotas: [minute] })).toBeDefined();
    expect(find(150, [claim(hour)], { quotas: [hour] })).toBeUndefined();
    expect(find(150, [claim(minute), claim(hour, "other")])).toBeUndefined();
    expect(find(150, [claim({ ...minute }), claim(hour)])).toBeUndefined();
    expect(find(150, [{ ...claim(minute), scope: "web:minute:fixed-window:" }, claim(hour)])).toBeUndefined();
  });

  it("for an exhausted key if only blocked keys are cached", () => {
    note();
    expect(find(150, both, { onlyBlocked: true })).toBeUndefined();
    note([denied({ blocked: true }), found()]);
    expect(find(150, both, { onlyBlocked: true })).toBeDefined();
  });

  it("after its key was cleared, even if it was requested before", () => {
    note();
    cache.clear("api:minute:fixed-window:k");
    expect(find(150)).toBeUndefined();
    note();
    expect(find(150)).toBeUndefined();
  });

  it("after the common entry of all policies was cleared", () => {
    note(undefined, { storeDecides: false });
    expect(find(150, both, { storeDecides: false })).toBeDefined();
    cache.clear("api:*::k");
    expect(find(150, both, { storeDecides: false })).toBeUndefined();
  });
});

describe("clearing a key", () => {
  const later = { deadlineMs: performance.now() + 10_000, nowMs: 100 };

  it("does not affect answers for other keys that are in flight", () => {
    for (let i = 0; i < 1_000; i++) cache.clear(`other ${i}`);
    note([denied(), found()]);
    expect(find(150)).toBeDefined();
  });

  it("is forgotten for the oldest of a thousand keys, and then drops all answers in flight", () => {
    for (let i = 0; i < 1_001; i++) cache.clear(`other ${i}`);
    note([denied(), found()]);
    expect(find(150)).toBeUndefined();
    cache.openFor(host).note(both, outcome(denied(), found()), later);
    expect(find(150)).toBeDefined();
  });
});
