import { describe, expect, it } from "vitest";
import { fixedWindow } from "../../src/index.js";
import type { Admission, Claim, ClaimFinding, Outcome } from "../../src/store/index.js";
import { decideInOrder, partsOf } from "../../src/store/kit/index.js";

const claimOf = (key: string): Claim => ({ scope: "s:", key, policy: fixedWindow({ limit: 1, window: 1 }), cost: 1 });
const finding = (allowed: boolean, remaining: number): ClaimFinding => ({
  allowed,
  remaining,
  retryAfterMs: allowed ? 0 : 10,
  resetAfterMs: 10,
  epochMs: 0,
  blocked: false,
});

/** Places that grant until their units are used up, and a log of their calls. */
function places(units: Record<string, number>) {
  const diary: string[] = [];
  const left = new Map(Object.entries(units));
  return {
    diary,
    left,
    async decide({ claims, charge }: Admission): Promise<Outcome> {
      const keys = claims.map(({ key }) => key);
      diary.push(`${charge ? "charge" : "look"} ${keys}`);
      const allowed = keys.every((key) => left.get(key)! > 0);
      if (charge && allowed) for (const key of keys) left.set(key, left.get(key)! - 1);
      return {
        allowed,
        nowMs: diary.length,
        findings: keys.map((key) => finding(left.get(key)! > 0 || charge, left.get(key)!)),
      };
    },
    async undo({ key }: Claim) {
      diary.push(`undo ${key}`);
      left.set(key, left.get(key)! + 1);
    },
  };
}

const admissionOf = (...keys: string[]): Admission => ({ claims: keys.map(claimOf), charge: true });
const byKey = (admission: Admission) => partsOf(admission, ({ key }) => key.slice(0, 1));

describe("partsOf", () => {
  it("groups the indexes of claims by their place, in order", () => {
    expect(byKey(admissionOf("a1", "b1", "a2", "c1", "b2"))).toEqual([[0, 2], [1, 4], [3]]);
  });
});

describe("decideInOrder", () => {
  it("peeks at all places, then charges them in order, and returns findings in the order of the claims", async () => {
    const admission = admissionOf("a1", "b1", "a2");
    const all = places({ a1: 5, b1: 7, a2: 3 });
    const outcome = await decideInOrder(admission, byKey(admission), all, undefined);
    expect(all.diary).toEqual(["look a1,a2", "look b1", "charge a1,a2", "charge b1"]);
    expect(outcome.allowed).toBe(true);
    expect(outcome.findings.map(({ remaining }) => remaining)).toEqual([4, 6, 2]);
    expect(outcome.nowMs).toBe(4);
  });

  it("charges nothing if a peek denies, or if only a peek was requested", async () => {
    const admission = admissionOf("a1", "b1");
    const spent = places({ a1: 5, b1: 0 });
    const denied = await decideInOrder(admission, byKey(admission), spent, undefined);
    expect([denied.allowed, denied.findings.map(({ allowed }) => allowed)]).toEqual([false, [true, false]]);
    const all = places({ a1: 5, b1: 5 });
    const look = await decideInOrder({ ...admission, charge: false }, byKey(admission), all, undefined);
    expect(look.allowed).toBe(true);
    expect([...spent.diary, ...all.diary]).toEqual(["look a1", "look b1", "look a1", "look b1"]);
  });

  it("refunds its charges if a later place denies after all", async () => {
    const admission = admissionOf("a1", "b1", "c1", "d1");
    const all = places({ a1: 5, b1: 5, c1: 1, d1: 5 });
    const racing = {
      ...all,
      async decide(part: Admission): Promise<Outcome> {
        const outcome = await all.decide(part);
        if (!part.charge || part.claims[0]?.key !== "c1") return outcome;
        return { ...outcome, allowed: false, findings: [finding(false, 0)] };
      },
    };
    const outcome = await decideInOrder(admission, byKey(admission), racing, undefined);
    expect(all.diary.slice(4)).toEqual(["charge a1", "charge b1", "charge c1", "undo a1", "undo b1"]);
    expect([outcome.allowed, outcome.findings.map(({ allowed }) => allowed)]).toEqual([
      false,
      [true, true, false, true],
    ]);
    expect([all.left.get("a1"), all.left.get("b1")]).toEqual([5, 5]);
    // Refunds by the current numbers instead of those at the time of the charge.
    expect(outcome.findings.map(({ remaining }) => remaining)).toEqual([5, 5, 0, 5]);
  });

  it("refunds its charges if a later place fails, and rejects with that failure", async () => {
    const admission = admissionOf("a1", "b1");
    const all = places({ a1: 5, b1: 5 });
    const failing = {
      decide: (part: Admission) =>
        part.charge && part.claims[0]?.key === "b1" ? Promise.reject(new Error("lost")) : all.decide(part),
      async undo(claim: Claim) {
        await all.undo(claim);
        throw new Error("also lost");
      },
    };
    await expect(decideInOrder(admission, byKey(admission), failing, undefined)).rejects.toThrow(/^lost$/);
    expect(all.left.get("a1")).toBe(5);
  });
});
