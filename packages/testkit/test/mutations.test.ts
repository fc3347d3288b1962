import { type Algorithm, type Policy, SluiceError, type Step, type TokenBucketPolicy } from "@sluice/core";
import { type DecidingStore, type Outcome, remote } from "@sluice/core/store";
import { describe, expect, it } from "vitest";
import { absent, type StoreCapabilities, type StoreGroup } from "../src/index.js";
import { brokenStore, type Faults } from "./broken-store.js";
import { runGroup } from "./collecting-runner.js";

const base: Partial<StoreCapabilities> = {
  exportsEntries: absent("not of interest here"),
  importsEntries: absent("not of interest here"),
};

/** Replaces the step of an algorithm. */
function stepping(step: (algorithm: Algorithm, ...args: Parameters<Algorithm["step"]>) => Step<unknown>) {
  return (algorithm: Algorithm): Algorithm => ({ ...algorithm, step: (...args) => step(algorithm, ...args) });
}

/** A step that never repairs. */
function chargedOnly(algorithm: Algorithm, ...args: Parameters<Algorithm["step"]>): Step<unknown> {
  const { next, ...finding } = algorithm.step(...args);
  return finding.allowed && args[3] > 0 ? { ...finding, next } : finding;
}

function oneMore(policy: Policy): Policy {
  const { burst, limit } = policy as Policy & { burst: number; limit: number };
  return { ...policy, burst: burst + 1, limit: limit + 1 } as Policy;
}

/** A step that charges one unit less if the cost is more than one. */
function cheaper({ step }: Algorithm, ...[state, policy, nowMs, cost]: Parameters<Algorithm["step"]>): Step<unknown> {
  const finding = step(state, policy, nowMs, cost);
  return finding.allowed && cost > 1 ? step(state, policy, nowMs, cost - 1) : finding;
}

/** A bucket with tokens and times as floating-point numbers, as in most libraries. */
function floatingBucket(algorithm: Algorithm): Algorithm {
  if (algorithm.name !== "token-bucket") return algorithm;
  return {
    ...algorithm,
    step(state, policy, nowMs, cost) {
      const { rate, intervalMs, burst } = policy as TokenBucketPolicy;
      const [saved, atMs] = (state as [number, number] | undefined) ?? [burst, nowMs];
      const tokens = Math.min(burst, saved + (Math.max(0, nowMs - atMs) * rate) / intervalMs);
      const allowed = cost <= tokens;
      const left = allowed ? tokens - cost : tokens;
      return {
        allowed,
        remaining: Math.floor(left),
        retryAfterMs: allowed ? 0 : cost > burst ? undefined : Math.ceil(((cost - tokens) * intervalMs) / rate),
        resetAfterMs: Math.ceil(((burst - left) * intervalMs) / rate),
        epochMs: nowMs,
        ...(allowed && cost > 0 && { next: { state: [left, Math.max(nowMs, atMs)], ttlMs: 60_000 } }),
      };
    },
  };
}

let latestMs = 0;
let updates = 0;

/** Each fault, and the groups that must each find it. */
const MUTATIONS: readonly [fault: string, faults: Faults, groups: readonly StoreGroup[]][] = [
  ["forgets expiry", { ttlMs: () => Number.POSITIVE_INFINITY }, ["expiry"]],
  ["forgets state too early", { ttlMs: (ttlMs) => ttlMs / 2 }, ["expiry"]],
  ["treats a lifetime of weeks as none", { ttlMs: (ttlMs) => (ttlMs > 2 ** 31 - 1 ? 1 : ttlMs) }, ["expiry"]],
  ["extends lifetimes on reads", { readsProlong: true }, ["expiry"]],
  [
    "admits one too many",
    { algorithm: stepping(({ step }, state, policy, nowMs, cost) => step(state, oneMore(policy), nowMs, cost)) },
    ["basics", "differential", "atomicity", "batching"],
  ],
  [
    "restores quota when the clock steps back",
    {
      algorithm: stepping(({ step }, state, policy, nowMs, cost) => {
        const back = nowMs < latestMs;
        latestMs = nowMs;
        return step(back ? undefined : state, policy, nowMs, cost);
      }),
    },
    ["clock", "differential"],
  ],
  [
    "throws when the clock steps back",
    {
      algorithm: stepping(({ step }, state, policy, nowMs, cost) => {
        const found = step(state, policy, nowMs, cost);
        if (found.epochMs > nowMs) throw new RangeError("the clock stepped back");
        return found;
      }),
    },
    ["clock", "differential"],
  ],
  ["counts tokens as floating-point numbers", { algorithm: floatingBucket }, ["differential"]],
  [
    "rounds the time to retry down",
    {
      outcome: mapFindings((finding) => ({
        ...finding,
        retryAfterMs: finding.retryAfterMs && finding.retryAfterMs - 1,
      })),
    },
    ["differential"],
  ],
  ["charges denials", { chargesDenials: true }, ["atomicity", "differential"]],
  ["is not atomic", { races: true }, ["atomicity", "races"]],
  [
    "loses refunds",
    { losesUpdate: (before, after) => Array.isArray(before) && !isBlock(before, after) },
    ["refund, reset and block", "differential", "custom algorithm"],
  ],
  ["loses blocks", { losesUpdate: isBlock }, ["refund, reset and block", "expiry", "decide", "differential"]],
  ["counts only a part of what it admits", { algorithm: stepping(cheaper) }, ["races", "differential"]],
  ["loses one update in twenty", { losesUpdate: () => ++updates % 20 === 0 }, ["atomicity"]],
  ["keeps deleted state", { keepsDeleted: true }, ["basics", "refund, reset and block", "odd keys"]],
  ["cuts long keys", { keyOf: (key) => key.slice(0, 2_000) }, ["odd keys"]],
  ["stores keys as UTF-8", { keyOf: (key) => Buffer.from(key).toString() }, ["odd keys"]],
  ["normalises keys", { keyOf: (key) => key.normalize() }, ["odd keys"]],
  ["ignores the case of keys", { keyOf: (key) => key.toLowerCase() }, ["odd keys"]],
  ["trims keys", { keyOf: (key) => key.trim() }, ["odd keys"]],
  ["ends keys at NUL", { keyOf: (key) => key.split("\0")[0] as string }, ["odd keys"]],
  ["mixes up all keys", { keyOf: (key) => key.slice(0, 60) }, ["basics", "odd keys", "batching", "differential"]],
  ["ignores an explicit time", { ignoresExplicitTime: true }, ["decide", "differential", "clock"]],
  ["misreads other versions", { read: (state) => (isEntry(state) ? [1, ...state.slice(1)] : state) }, ["decide"]],
  ["loses repairs", { algorithm: stepping(chargedOnly) }, ["clock", "differential"]],
  [
    "forgets the length of blocks",
    { read: (state) => (isEntry(state) && state[0] === 2 ? [1, state[1], state[2]] : state) },
    ["clock", "differential"],
  ],
  ["treats falsy state as missing", { read: (state) => state || undefined }, ["basics"]],
  ["continues after close", { neverCloses: true }, ["lifecycle"]],
];

function mapFindings(map: (finding: Outcome["findings"][number]) => Outcome["findings"][number]) {
  return (outcome: Outcome): Outcome => ({ ...outcome, findings: outcome.findings.map(map) });
}

function isEntry(state: unknown): state is unknown[] {
  return Array.isArray(state) && typeof state[0] === "number" && (state.length === 3 || state.length === 4);
}

function isBlock(before: unknown, after: unknown): boolean {
  return isEntry(after) && after[1] !== ((before as unknown[] | undefined)?.[1] ?? 0);
}

const CASES = MUTATIONS.flatMap(([fault, faults, groups]) => groups.map((group) => ({ fault, faults, group })));

async function finds({ faults, group }: (typeof CASES)[number]): Promise<void> {
  const { failed } = await runGroup(group, () => brokenStore(faults), base);
  expect(failed.map(({ name }) => name)).not.toEqual([]);
}

async function passes(group: StoreGroup): Promise<void> {
  const { failed, passed } = await runGroup(group, () => brokenStore(), base);
  expect(failed).toEqual([]);
  expect(passed.length).toBeGreaterThan(2);
}

describe("a store that", () => {
  it.for(CASES.filter(({ group }) => group !== "expiry"))("$fault is found by: $group", finds);
});

describe("a store without faults", () => {
  it.for([
    "basics",
    "decide",
    "differential",
    "atomicity",
    "races",
    "odd keys",
    "custom algorithm",
    "batching",
    "lifecycle",
  ] as const)("passes: %s", passes);
});

// These tests mostly sleep.
describe.concurrent("in real time, a store that", () => {
  it.for(CASES.filter(({ group }) => group === "expiry"))("$fault is found by: $group", finds);
  it("has no faults passes: expiry", () => passes("expiry"));
});

/** Swaps the outcomes of two calls made in one turn. */
function swapping(store: DecidingStore): DecidingStore {
  let waiting: ((outcome: Outcome) => void) | undefined;
  return {
    ...store,
    async decide(admission, options) {
      const outcome = await store.decide(admission, options);
      const other = waiting;
      waiting = undefined;
      return new Promise((resolve) => {
        if (other === undefined) {
          waiting = resolve;
          setTimeout(() => {
            if (waiting === resolve) waiting = undefined;
            resolve(outcome);
          });
          return;
        }
        other(outcome);
        resolve(outcome);
      });
    },
  };
}

describe("special faults", () => {
  it("finds answers that go to the wrong caller", async () => {
    for (const group of ["batching", "odd keys"] as const) {
      const { failed } = await runGroup(group, () => swapping(brokenStore()), base);
      expect(failed).not.toEqual([]);
    }
  });

  it("finds a capability that is declared but missing, or present but not declared", async () => {
    const declared: Partial<StoreCapabilities> = { ...base, checksHealth: true };
    const { failed } = await runGroup("basics", () => brokenStore(), declared);
    expect(failed[0]?.name).toMatch(/capabilities/);
    const hidden: Partial<StoreCapabilities> = { ...base, decides: absent("hidden") };
    expect((await runGroup("basics", () => brokenStore(), hidden)).failed[0]?.name).toMatch(/capabilities/);
  });

  it("finds a second close that fails", async () => {
    const rejecting = () => {
      const store = brokenStore();
      let closed = false;
      const close = async () => {
        if (closed) throw new Error("closed already");
        closed = true;
      };
      return { ...store, close };
    };
    const { failed } = await runGroup("lifecycle", rejecting, base);
    expect(failed).not.toEqual([]);
  });

  it("finds a store that fails with errors of its client", async () => {
    const raw = () => Promise.reject(new TypeError("socket hang up"));
    const unreachable = () => ({ ...brokenStore(), decide: raw, atomicUpdate: raw });
    const { failed } = await runGroup("failure", () => brokenStore(), { ...base, unreachable });
    expect(failed.length).toBeGreaterThan(1);
  });

  it("passes a store that hangs when it is down, since the limiter's timeout ends the call", async () => {
    const never = () => new Promise<never>(() => {});
    const unreachable = () => ({ ...brokenStore(), decide: never, atomicUpdate: never, delete: never });
    const { failed, passed } = await runGroup("failure", () => ({ remote, ...brokenStore() }), {
      ...base,
      unreachable,
    });
    expect(failed).toEqual([]);
    expect(passed).toHaveLength(4);
  });

  it("finds a store that can be down but is not marked as remote", async () => {
    const unreachable = () => Promise.reject(new Error("down"));
    const { failed } = await runGroup("failure", () => brokenStore(), { ...base, unreachable });
    expect(failed.map(({ name }) => name)).toContainEqual(expect.stringMatching(/is marked as remote/));
  });

  it("passes a store that recovers from an outage", async () => {
    const outage = () => {
      const store = brokenStore();
      let down = false;
      const decide: DecidingStore["decide"] = (admission, options) =>
        down ? Promise.reject(new SluiceError("STORE_FAILED", "down")) : store.decide(admission, options);
      const interrupt = async () => {
        down = true;
      };
      const restore = async () => {
        down = false;
      };
      return { store: { ...store, decide }, interrupt, restore };
    };
    const passing = await runGroup("failure", () => brokenStore(), { ...base, interruptible: outage });
    expect(passing).toMatchObject({ failed: [], passed: [expect.stringMatching(/decisions resume/)] });
  });
});

describe("the differential", () => {
  it("prints the smallest failing sequence, and the seed", async () => {
    const oneTooMany: Faults = {
      algorithm: stepping(({ step, name }, state, policy, nowMs, cost) =>
        step(state, name === "fixed-window" ? oneMore(policy) : policy, nowMs, cost),
      ),
    };
    const { failed } = await runGroup("differential", () => brokenStore(oneTooMany), base);
    const { message = "" } = failed.find(({ name }) => name.includes("fixed-window")) ?? {};
    expect(message).toMatch(/SLUICE_SEED=\d+/);
    expect(message).toMatch(/\(1 calls?; the difference is at call 1\)/);
    expect(message.match(/^ +\d+\. at /gm)).toHaveLength(1);
  });

  it("finds a difference that needs several concurrent keys", async () => {
    let calls = 0;
    const crowded = () => {
      const store = brokenStore();
      let underWay = 0;
      const decide: DecidingStore["decide"] = async (admission, options) => {
        underWay++;
        calls++;
        const outcome = await store.decide(admission, options);
        const wrong = underWay > 5;
        underWay--;
        return wrong ? { ...outcome, nowMs: outcome.nowMs + 1 } : outcome;
      };
      return { ...store, decide };
    };
    const { failed } = await runGroup("differential", crowded, base);
    expect(failed).toHaveLength(4);
    expect(failed[0]?.message).toMatch(/\(6 calls; /);
    expect(calls).toBeGreaterThan(0);
  });
});
