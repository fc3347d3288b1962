import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createLimiter, type Decision, fixedWindow, type Limiter, type Policy, tokenBucket } from "@sluice/core";
import { memoryStore } from "@sluice/store-memory";
import { expect, it } from "vitest";

const MAX_KEYS = 100_000;
const FLOOD = 5_000_000;
const VICTIMS = 100;
const LIMIT = 10;

const decide = (limiter: Limiter, key: string): Decision => limiter.decide(key) as Decision;

function heapMb(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** Returns the CPU time, which does not grow while another program has the processor. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

it.each<[name: string, policiesOf: (i: number) => Policy]>([
  ["one policy", () => fixedWindow({ limit: LIMIT, window: "1h" })],
  ["1,000 policy names", (i) => tokenBucket({ name: `policy ${i % 1_000}`, rate: LIMIT, interval: "1h" })],
])(
  `${FLOOD} random keys neither fill the memory nor restore exhausted clients, with %s`,
  { timeout: 300_000 },
  (name, policyOf) => {
    const store = memoryStore({ maxKeys: MAX_KEYS });
    const count = name === "one policy" ? 1 : 1_000;
    const limiters = Array.from({ length: count }, (_, i) => createLimiter({ store, policies: policyOf(i) }));
    const limiterOf = (i: number): Limiter => limiters[i % count] as Limiter;
    for (let victim = 0; victim < VICTIMS; victim++) {
      for (let i = 0; i < LIMIT; i++) expect(decide(limiterOf(victim), `victim ${victim}`).allowed).toBe(true);
    }

    let early = 0;
    const turnsMs: number[] = [];
    let fullMb = 0;
    for (let turn = 0; turn < 50; turn++) {
      const startMs = cpuMs();
      for (let i = 0; i < FLOOD / 50; i++) decide(limiterOf(i), Math.random().toString(36));
      turnsMs.push(cpuMs() - startMs);
      for (let victim = 0; victim < VICTIMS; victim++) {
        if (decide(limiterOf(victim), `victim ${victim}`).allowed) early++;
      }
      if (turn === 4) fullMb = heapMb();
    }
    expect(early).toBe(0);
    // The store was full after the first turns, and should hold no more at the end.
    expect(heapMb()).toBeLessThan(fullMb * 1.2 + 10);
    const [first, last] = [turnsMs.slice(5, 15), turnsMs.slice(-10)].map(
      (some) => some.sort((a, b) => a - b)[5] as number,
    );
    expect(last).toBeLessThan((first as number) * 2);
  },
);

it("huge or similar keys cost no more than their length", { timeout: 120_000 }, () => {
  const limiter = createLimiter({
    store: memoryStore({ maxKeys: 1_000 }),
    policies: fixedWindow({ limit: 1, window: "1h" }),
  });
  const before = heapMb();
  // 200 MB of keys of 10 kB with one common beginning. The store keeps a twentieth of them.
  const common = "x".repeat(10_000);
  for (let i = 0; i < 20_000; i++) expect(decide(limiter, `${common}${i}`).allowed).toBe(true);
  expect(heapMb() - before).toBeLessThan(60);
  expect(decide(limiter, `${common}19999`).allowed).toBe(false);
});
