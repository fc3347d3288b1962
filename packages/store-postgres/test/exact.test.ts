import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import { type Admission, type Claim, decideEntries, type Entry } from "@sluice/core/store";
import fc from "fast-check";
import { expect, it } from "vitest";
import { postgresStore } from "../src/index.js";
import { describeDatabases, startDatabases } from "./database.js";

const databases = await startDatabases();

const LONGEST_MS = 2 ** 37;
const MOST = 2 ** 30;
const NOW_MS = 2 ** 42;

const windowMs = fc.oneof(fc.integer({ min: 1, max: LONGEST_MS }), fc.constant(LONGEST_MS));
const limit = fc.oneof(fc.integer({ min: 1, max: MOST }), fc.constant(MOST));
/** The age of an event. It may be in the future, as after a clock that stepped back, or long ago. */
const agoMs = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -(2 ** 41), max: LONGEST_MS * 2 }));

/** The time in a window at which `count * time / window` is just below a whole number, so that rounding errors show. */
function hairBelowMs(count: number, window: number): number {
  let [a, b, x, y] = [BigInt(count), BigInt(window), 1n, 0n];
  // The extended Euclidean algorithm: x becomes the inverse of count.
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  const modulus = BigInt(window);
  return Number(((-x % modulus) + modulus) % modulus);
}

/** Policies with the largest possible states, where a product exceeds 2^53 or a rounding error shows. */
const cases: fc.Arbitrary<{ policy: Policy; state: number[] }> = fc.oneof(
  fc
    .record({
      rate: limit,
      interval: windowMs,
      storedRate: limit,
      storedInterval: windowMs,
      ago: agoMs,
      part: fc.nat(MOST),
      same: fc.boolean(),
    })
    .filter(({ rate, interval }) => (rate + 1) * interval <= Number.MAX_SAFE_INTEGER)
    .map(({ rate, interval, storedRate, storedInterval, ago, part, same }) => {
      const stored = same ? rate : storedRate;
      return {
        policy: tokenBucket({ name: "bucket", rate, interval, burst: rate + 1 }),
        state: [NOW_MS - ago, part % stored, stored, same ? interval : storedInterval, NOW_MS - 7],
      };
    }),
  fc.record({ limit, window: windowMs, ago: agoMs, used: limit }).map(({ ago, used, ...options }) => ({
    policy: fixedWindow({ name: "fixed", ...options }),
    state: [NOW_MS - ago, used],
  })),
  fc
    .record({
      limit,
      window: windowMs,
      part: fc.double({ min: 0, max: 2.1, noNaN: true }),
      previous: limit,
      current: fc.nat(MOST),
    })
    .map(({ part, previous, current, ...options }) => ({
      policy: slidingWindow({ name: "sliding", ...options }),
      state: [NOW_MS - Math.floor(options.window * part), previous, Math.floor(current / 1_000)],
    })),
  fc
    .record({
      previous: fc.integer({ min: 2 ** 29, max: MOST }),
      window: fc.integer({ min: 2 ** 36, max: LONGEST_MS }),
    })
    .map(({ previous, window }) => ({
      policy: slidingWindow({ name: "sliding", limit: MOST, window }),
      state: [NOW_MS - hairBelowMs(previous, window), previous, 0],
    })),
  fc
    .record({ limit, window: windowMs, agos: fc.array(fc.nat(2 ** 38), { maxLength: 8 }), cost: limit })
    .map(({ agos, cost, ...options }) => ({
      policy: slidingLog({ name: "log", ...options }),
      state: [...new Set(agos)].sort((a, b) => b - a).flatMap((ago, i) => [NOW_MS - ago, (cost >> i) + 1]),
    })),
);

describeDatabases(databases, ({ admin }) => {
  const store = postgresStore({ client: admin });
  let runs = 0;

  it("grants the largest cost that fits and denies the next one, even with the largest numbers", async () => {
    let granted = 0;
    let denied = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(cases, { minLength: 40, maxLength: 60 }), async (several) => {
        const prefix = `exact-${runs++}`;
        const calls = several.flatMap(({ policy, state }, i) => {
          const scope = scopeOf(prefix, policy);
          const entry: Entry = [1, 0, state];
          const look: Admission = { claims: [{ scope, key: "any", policy, cost: 1 }], charge: false };
          const room = decideEntries(look, [entry], NOW_MS).outcome.findings[0]?.remaining ?? 0;
          return [room, room + 1]
            .filter((cost) => cost > 0)
            .map((cost): { claim: Claim; entry: Entry } => {
              return { claim: { scope, key: `${i} ${cost}`, policy, cost }, entry };
            });
        });
        await admin.query(
          `INSERT INTO sluice_entries (key, blocked_until_ms, cells, expires_ms)
            SELECT k, 0, c::bigint[], 4000000000000 FROM unnest($1::text[], $2::text[]) u (k, c)`,
          [
            calls.map(({ claim }) => claim.scope + claim.key),
            calls.map(({ entry }) => `{${(entry[2] as number[]).join()}}`),
          ],
        );
        const outcomes = await Promise.all(
          calls.map(({ claim }) => store.decide({ claims: [claim], charge: true }, { nowMs: NOW_MS })),
        );
        outcomes.forEach((outcome, i) => {
          const { claim, entry } = calls[i]!;
          const admission = { claims: [claim], charge: true };
          const expected = decideEntries(admission, [entry], NOW_MS).outcome;
          expect({ claim, entry, outcome }).toEqual({ claim, entry, outcome: expected });
          if (outcome.allowed) granted++;
          else denied++;
        });
      }),
      { numRuns: 40 },
    );
    expect(Math.min(granted, denied)).toBeGreaterThan(300);
  }, 120_000);
});
