import { describe, expect, it } from "vitest";
import { describeSequence } from "../src/operation.js";
import { ALGORITHMS } from "../src/policies.js";
import { randomFrom, seedOfRun } from "../src/random.js";
import { createReference } from "../src/reference.js";
import { generateSequence } from "../src/sequences.js";
import { shrink } from "../src/store/shrink.js";

const options = { seed: 42, algorithm: "token-bucket", operations: 2_000, lanes: 64, costsDiffer: true } as const;

describe("generateSequence", () => {
  it("returns the same sequence for the same seed, and a different one for another seed", () => {
    const first = describeSequence(generateSequence(options));
    expect(describeSequence(generateSequence(options))).toBe(first);
    expect(describeSequence(generateSequence({ ...options, seed: 43 }))).not.toBe(first);
  });

  it.each(ALGORITHMS)("covers the edge cases of %s", (algorithm) => {
    const sequence = generateSequence({ ...options, algorithm, operations: 5_000 });
    const reference = createReference();
    const seen = { allowed: 0, denied: 0, never: 0, blocked: 0, refunded: 0, peeks: 0, resets: 0, several: 0, back: 0 };
    const edges = { exactRetries: 0, shared: 0 };
    const latest = new Map<number, { nowMs: number; retryAtMs: number | undefined }>();
    const policies = new Map<string, Set<string>>();
    sequence.forEach((operation, i) => {
      const observation = reference.apply(operation);
      const { lane, nowMs, kind } = operation;
      const before = latest.get(lane);
      if (before !== undefined && nowMs < before.nowMs) seen.back++;
      if (sequence[i + 1]?.nowMs === nowMs && sequence[i + 1]?.lane !== lane) edges.shared++;
      if (observation === true) seen.refunded++;
      if (kind === "peek") seen.peeks++;
      if (kind === "reset") seen.resets++;
      let retryAtMs: number | undefined;
      if (typeof observation === "object") {
        if (observation.allowed) seen.allowed++;
        else seen.denied++;
        if (observation.allowed && before?.retryAtMs === nowMs) edges.exactRetries++;
        if (observation.findings.length > 1) seen.several++;
        const [finding] = observation.findings;
        if (finding?.blocked) seen.blocked++;
        if (finding?.allowed === false && finding.retryAfterMs === undefined) seen.never++;
        if (finding?.allowed === false && finding.retryAfterMs !== undefined) retryAtMs = nowMs + finding.retryAfterMs;
      }
      if (kind === "consume") {
        for (const { policy, key } of operation.claims) {
          const id = `${key} ${policy.name}`;
          policies.set(id, (policies.get(id) ?? new Set()).add(JSON.stringify(policy)));
        }
      }
      latest.set(lane, { nowMs, retryAtMs });
    });
    for (const count of Object.values(seen)) expect(count, JSON.stringify(seen)).toBeGreaterThan(20);
    for (const count of Object.values(edges)) expect(count, JSON.stringify(edges)).toBeGreaterThan(20);
    expect([...policies.values()].filter(({ size }) => size > 1).length, "changed numbers").toBeGreaterThan(20);
  });

  it("prints everything that is needed to repeat it", () => {
    const [operation] = generateSequence({ ...options, operations: 1 });
    expect(describeSequence([operation!])).toMatch(/^ {3}1\. at \d+ ms, lane 0: consume .*"algorithm":"token-bucket"/);
  });
});

describe("randomFrom", () => {
  it("is evenly distributed, even beyond 32 bits", () => {
    const random = randomFrom(1);
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) buckets[Math.floor(random.below(2 ** 53) / (2 ** 53 / 10))]!++;
    for (const count of buckets) expect(Math.abs(count - 2_000)).toBeLessThan(200);
    const low = Array.from({ length: 1_000 }, () => random.below(2 ** 53) % 2);
    expect(Math.abs(low.filter(Boolean).length - 500)).toBeLessThan(80);
    expect(random.pick(["only"])).toBe("only");
    expect([random.chance(0), random.chance(1)]).toEqual([false, true]);
  });
});

describe("seedOfRun", () => {
  it("uses SLUICE_SEED, and refuses values that are not numbers", () => {
    const before = process.env.SLUICE_SEED;
    try {
      process.env.SLUICE_SEED = "123";
      expect(seedOfRun()).toBe(123);
      process.env.SLUICE_SEED = "soon";
      expect(() => seedOfRun()).toThrow(/SLUICE_SEED must be a whole number, got "soon"/);
      delete process.env.SLUICE_SEED;
      expect(seedOfRun()).not.toBe(seedOfRun());
    } finally {
      if (before === undefined) delete process.env.SLUICE_SEED;
      else process.env.SLUICE_SEED = before;
    }
  });
});

describe("shrink", () => {
  const limits = { attempts: 1_000, timeMs: 10_000 };

  it("finds the few items that fail together", async () => {
    const items = Array.from({ length: 500 }, (_, i) => i);
    const fails = async (some: readonly number[]) => [3, 250, 499].every((one) => some.includes(one));
    expect(await shrink(items, fails, limits)).toEqual([3, 250, 499]);
  });

  it("stops at its limits, and returns the current list, which still fails", async () => {
    const items = Array.from({ length: 500 }, (_, i) => i);
    const fails = async (some: readonly number[]) => some.includes(3) && some.includes(499);
    const smallest = await shrink(items, fails, { attempts: 4, timeMs: 10_000 });
    expect(smallest.length).toBeLessThan(500);
    expect(smallest.length).toBeGreaterThan(2);
    expect(await fails(smallest)).toBe(true);
  });
});
