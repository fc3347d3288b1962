import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { blockEntry, clearEntry, scopeOf } from "@sluice/core/kit";
import { type Admission, type Claim, decideEntries, type Entry } from "@sluice/core/store";
import fc from "fast-check";
import { expect, it } from "vitest";
import { postgresStore } from "../src/index.js";
import { describeDatabases, startDatabases } from "./database.js";

const databases = await startDatabases();

const NOW_MS = 1_700_000_000_000;

/** Pairs of policies that use the same entries, like those of two limiters after one was changed. */
const policies: readonly Policy[] = [
  tokenBucket({ name: "bucket", rate: 7, interval: "1m", burst: 20 }),
  tokenBucket({ name: "bucket", rate: 11, interval: 997, burst: 6 }),
  fixedWindow({ name: "fixed", limit: 10, window: "1m" }),
  fixedWindow({ name: "fixed", limit: 6, window: "10s" }),
  slidingWindow({ name: "sliding", limit: 10, window: "1m" }),
  slidingWindow({ name: "sliding", limit: 6, window: "10s" }),
  slidingLog({ name: "log", limit: 10, window: "1m" }),
  slidingLog({ name: "log", limit: 6, window: "10s" }),
];

/** An admission with at most one claim for each entry. */
const admissions = fc.record({
  charge: fc.boolean().map((look) => !look),
  claims: fc.uniqueArray(
    fc.record({
      policy: fc.constantFrom(...policies),
      key: fc.constantFrom("a", "b"),
      cost: fc.integer({ min: 1, max: 5 }),
    }),
    { minLength: 1, maxLength: 4, selector: ({ policy, key }) => `${policy.name} ${key}` },
  ),
});

/** Steps of the clock: small ones, hours, days and years, in both directions. */
const afterMs = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -2_000, max: 30_000 }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, -3_600_000, -86_400_000, 3_600_000) },
  { weight: 1, arbitrary: fc.integer({ min: -(2 ** 35), max: 2 ** 35 }) },
);

/** A change of an entry: a block of this length, or a reset. */
const changes = fc.record({
  policy: fc.constantFrom(...policies),
  key: fc.constantFrom("a", "b"),
  blockMs: fc.option(fc.integer({ min: 1, max: 60_000 }), { nil: undefined }),
});

/** Sequences of batches. Each batch has changes and the calls of one turn, and is later than the batch before it. */
const batches = fc.array(
  fc.record({
    afterMs,
    changes: fc.array(changes, { maxLength: 2 }),
    calls: fc.array(admissions, { minLength: 1, maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 5 },
);

describeDatabases(databases, ({ admin }) => {
  const store = postgresStore({ client: admin });
  let runs = 0;

  it("decides a batch call by call, in order, even if calls share entries", async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (sequence) => {
        const prefix = `run-${runs++}`;
        const entries = new Map<string, Entry>();
        let nowMs = NOW_MS;
        for (const { afterMs, changes, calls } of sequence) {
          nowMs += afterMs;
          for (const { policy, key, blockMs } of changes) {
            const claim: Claim = { policy, key, scope: scopeOf(prefix, policy), cost: 1 };
            const name = claim.scope + key;
            const change = (entry: Entry | undefined) =>
              blockMs === undefined
                ? entry && clearEntry(claim, entry, nowMs)
                : blockEntry(entry, policy, nowMs, blockMs);
            const next = change(entries.get(name));
            if (next !== undefined) entries.set(name, next.state);
            await store.atomicUpdate<Entry>(name, change, { nowMs });
          }
          const asked = calls.map(({ charge, claims }): Admission => {
            return {
              charge,
              claims: claims.map((claim): Claim => ({ ...claim, scope: scopeOf(prefix, claim.policy) })),
            };
          });
          const expected = asked.map((admission) => {
            const keys = admission.claims.map(({ scope, key }) => scope + key);
            const { outcome, writes } = decideEntries(
              admission,
              keys.map((key) => entries.get(key)),
              nowMs,
            );
            for (const [i, write] of writes.entries())
              if (write !== undefined) entries.set(keys[i] as string, write.state);
            return outcome;
          });
          expect(await Promise.all(asked.map((admission) => store.decide(admission, { nowMs })))).toEqual(expected);
        }
        for (const [key, entry] of entries) {
          expect(await store.atomicUpdate(key, () => undefined, { nowMs })).toEqual(entry);
        }
      }),
      { numRuns: 150 },
    );
  }, 120_000);
});
