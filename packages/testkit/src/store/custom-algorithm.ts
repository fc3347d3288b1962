import { deepStrictEqual, equal, rejects } from "node:assert/strict";
import { type Algorithm, type Clock, createLimiter, type Policy, SluiceError, type Store } from "@sluice/core";
import { manualClock } from "../manual-clock.js";
import { LONG_MS, policyOf } from "../policies.js";
import type { SuiteContext } from "./suite-context.js";

/** Allows at most `limit` units at a time. Each unit counts until it is refunded or its lease ends. */
interface LeasePolicy extends Policy {
  readonly algorithm: "lease";
  readonly limit: number;
  readonly leaseMs: number;
}

/** The leases in order. Each has the time at which it ends, its name, and its units. */
type Leases = readonly (readonly [untilMs: number, name: number, units: number])[];

const unitsOf = (leases: Leases): number => leases.reduce((units, [, , one]) => units + one, 0);
const ttlOf = (leases: Leases, nowMs: number): number => Math.max(1, ...leases.map(([untilMs]) => untilMs - nowMs));

/** A custom algorithm with needs that no built-in one has: state of any size, and refunds that end a single charge. */
const lease: Algorithm<LeasePolicy, Leases> = {
  name: "lease",

  quota: ({ limit, leaseMs }) => ({ limit, windowMs: leaseMs }),

  check(policy) {
    if (policy.leaseMs > 0) return { ...policy };
    throw new SluiceError("INVALID_OPTION", 'option "leaseMs" must be positive');
  },

  step(state = [], { limit, leaseMs }, nowMs, cost) {
    const held = state.filter(([untilMs]) => untilMs > nowMs);
    const stepped = held.some(([untilMs]) => untilMs > nowMs + leaseMs);
    const leases = held.map(([untilMs, name, units]) => [Math.min(untilMs, nowMs + leaseMs), name, units] as const);
    const epochMs = Math.max(nowMs, ...leases.map(([, name]) => name + 1));
    const allowed = cost === 0 || unitsOf(leases) + cost <= limit;
    const next = allowed && cost > 0 ? [...leases, [nowMs + leaseMs, epochMs, cost] as const] : leases;
    const [fitsAtMs] = leases.find((_, i) => unitsOf(leases.slice(i + 1)) + cost <= limit) ?? [];
    return {
      allowed,
      remaining: Math.max(0, limit - unitsOf(next)),
      retryAfterMs: allowed ? 0 : cost > limit || fitsAtMs === undefined ? undefined : fitsAtMs - nowMs,
      resetAfterMs: next.length === 0 ? 0 : ttlOf(next, nowMs),
      epochMs,
      ...((stepped || next !== leases) && { next: { state: next, ttlMs: ttlOf(next, nowMs) } }),
    };
  },

  refund(state, _policy, nowMs, _cost, epochMs) {
    const left = state.filter(([, name]) => name !== epochMs);
    return left.length === state.length ? undefined : { state: left, ttlMs: ttlOf(left, nowMs) };
  },
};

/** A custom algorithm works on every store. */
export function customAlgorithmGroup({ test }: SuiteContext): void {
  const policy: LeasePolicy = { name: "default", algorithm: "lease", limit: 8, leaseMs: 1_000 };

  const leasing = (store: Store, prefix: string, clock: Clock) =>
    createLimiter({ store, policies: policy, algorithms: [lease], prefix, clock, timeout: "20s", denyCache: false });

  test("a custom algorithm decides, with state of any size", async ({ open, prefix }) => {
    const clock = manualClock(1_700_000_000_000);
    const limiter = leasing(await open(), prefix, clock);
    for (let i = 1; i <= 8; i++) {
      equal((await limiter.consume("somebody")).remaining, 8 - i);
      await clock.advance(10);
    }
    const { allowed, retryAfterMs } = await limiter.consume("somebody", { cost: 3 });
    deepStrictEqual([allowed, retryAfterMs], [false, 940]);
    await clock.advance(940);
    equal((await limiter.consume("somebody", { cost: 3 })).allowed, true);
    equal(await limiter.allow("somebody"), false);
    await limiter.reset("somebody");
    equal((await limiter.peek("somebody")).remaining, 8);
  });

  test("a custom algorithm's refund ends only the charge that it names", async ({ open, prefix }) => {
    const clock = manualClock(1_700_000_000_000);
    const limiter = leasing(await open(), prefix, clock);
    const first = await limiter.consume("somebody", { cost: 5 });
    const second = await limiter.consume("somebody", { cost: 3 });
    equal(await limiter.refund(first), true);
    equal(await limiter.refund(first), false);
    equal((await limiter.peek("somebody")).remaining, 5);
    await clock.advance(1_000);
    equal((await limiter.consume("somebody", { cost: 8 })).allowed, true);
    equal(await limiter.refund(second), false);
    equal(await limiter.allow("somebody"), false);
  });

  test("a custom algorithm is decided together with others, all or none", async ({ open, prefix }) => {
    const policies = [
      policy,
      policyOf("token-bucket", 5, LONG_MS, "bucket"),
      policyOf("sliding-log", 9, LONG_MS, "log"),
    ];
    const clock = manualClock(1_700_000_000_000);
    const store = await open();
    const limiter = createLimiter({
      store,
      policies,
      algorithms: [lease],
      prefix,
      clock,
      timeout: "20s",
      denyCache: false,
    });
    const remaining = async () => (await limiter.peek("somebody")).policies.map((one) => one.remaining);
    const granted = await limiter.consume("somebody", { cost: 4 });
    deepStrictEqual(await remaining(), [4, 1, 5]);
    deepStrictEqual((await limiter.consume("somebody", { cost: 2 })).violated, ["bucket"]);
    deepStrictEqual(await remaining(), [4, 1, 5]);
    equal(await limiter.refund(granted), true);
    deepStrictEqual(await remaining(), [8, 5, 9]);
  });

  test("a custom algorithm checks its policies when the limiter is created", async ({ open, prefix }) => {
    const store = await open();
    await rejects(
      async () => createLimiter({ store, policies: { ...policy, leaseMs: 0 } as Policy, algorithms: [lease], prefix }),
      { code: "INVALID_OPTION" },
    );
  });
}
