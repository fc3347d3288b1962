import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, it, vi } from "vitest";
import { createRateLimit, type LimitOptionsOf, type Verdict } from "../../src/http/index.js";
import { type Decision, fixedWindow, type Policy, type Store } from "../../src/index.js";
import type { SynchronousStore } from "../../src/store/index.js";
import { threeMethodStore } from "../fixtures/map-store.js";
import { mapStore } from "./map-store.js";

interface Call {
  readonly tenant: number;
}

function guardOn(store: Store, policies: (call: Call) => Policy, options: LimitOptionsOf<Call> = {}) {
  return createRateLimit<Call, () => void>(
    store,
    policies,
    { key: () => "somebody", ...options },
    { method: () => "GET", header: () => undefined, address: () => "192.0.2.1" },
  );
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A store that keeps nothing, so that only the memory of the guard is measured. */
const forgetful: SynchronousStore = {
  synchronous: true,
  decide: () => ({
    allowed: true,
    nowMs: 0,
    findings: [{ allowed: true, blocked: false, remaining: 1, retryAfterMs: 0, resetAfterMs: 1, epochMs: 0 }],
  }),
  atomicUpdate: async () => undefined,
  delete: async () => {},
  close: async () => {},
};

function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

function policyOf(tenant: number): Policy {
  return fixedWindow({ name: `tenant ${tenant}`, limit: 2, window: "1h" });
}

it("keeps memory bounded with a policy name for each of 20,000 tenants, even if the app keeps their policies", () => {
  const policies = Array.from({ length: 20_000 }, (_, tenant) => policyOf(tenant));
  const guard = guardOn(forgetful, ({ tenant }) => policies[tenant] as Policy);
  guard.check({ tenant: 0 });
  const before = heapUsed();
  for (let tenant = 0; tenant < policies.length; tenant++) guard.check({ tenant });
  expect(heapUsed() - before).toBeLessThan(10_000_000);
  // Keeps the guard and the policies alive until the memory has been measured.
  expect(guard.check({ tenant: 0 })).toMatchObject({ found: { allowed: true } });
  expect(policies).toHaveLength(20_000);
});

it("keeps the counts after a plan was evicted", () => {
  const guard = guardOn(mapStore(), ({ tenant }) => policyOf(tenant));
  const allowed = (tenant: number) => ((guard.check({ tenant }) as Verdict).found as Decision).allowed;
  expect([allowed(0), allowed(0), allowed(0)]).toEqual([true, true, false]);
  for (let tenant = 1; tenant < 600; tenant++) expect(allowed(tenant)).toBe(true);
  expect(allowed(0)).toBe(false);
  expect(allowed(300)).toBe(true);
  expect(allowed(300)).toBe(false);
});

it.each([true, false])("reports one outage for all plans, with a listener %s", async (hasListener) => {
  vi.useFakeTimers();
  const lines: unknown[] = [];
  vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
  const events: string[] = [];
  const on = { storeError: () => events.push("storeError"), storeRecovered: () => events.push("storeRecovered") };
  let down = true;
  const store: Store = {
    ...threeMethodStore(),
    atomicUpdate: async (_key, change) => {
      if (down) throw new Error("down");
      return change(undefined, 0)?.state;
    },
  };
  const guard = guardOn(store, ({ tenant }) => policyOf(tenant), hasListener ? { on } : {});
  // More plans than the cache holds.
  for (let tenant = 0; tenant < 600; tenant++) await guard.check({ tenant });
  expect([events, lines.length]).toEqual(hasListener ? [["storeError"], 0] : [[], 1]);
  down = false;
  await guard.check({ tenant: 7 });
  await vi.advanceTimersByTimeAsync(1_000);
  expect([events, lines.length]).toEqual(hasListener ? [["storeError", "storeRecovered"], 0] : [[], 2]);
});
