import { readFileSync } from "node:fs";
import { createLimiter, fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import { decideEntries, type Entry } from "@sluice/core/store";
import { beforeAll, describe, expect, it } from "vitest";
import { createSchema, postgresStore } from "../src/index.js";
import { describeDatabases, startDatabases } from "./database.js";

const databases = await startDatabases();

const SCHEMA_7 = readFileSync(new URL("fixtures/schema-7.sql", import.meta.url), "utf8");

/**
 * Tests with the database of an earlier release. Its processes use the same rows, through the functions of that
 * release.
 */
describeDatabases(databases, ({ admin }) => {
  beforeAll(async () => {
    await admin.query("DROP SCHEMA sluice CASCADE");
    await admin.query(SCHEMA_7);
  });

  const store = postgresStore({ client: admin });
  const policy = fixedWindow({ limit: 10, window: "1h" });
  const scope = scopeOf("upgrade", policy);
  const limiter = createLimiter({ store, prefix: "upgrade", policies: policy });
  const NOW_MS = 1_700_000_000_000;
  const look = (key: string) => store.atomicUpdate<Entry>(scope + key, () => undefined);

  const versionOf = async (key: string): Promise<string> =>
    (await admin.query("SELECT xmin::text AS version FROM sluice_entries WHERE key = $1", [scope + key])).rows[0]
      .version;

  // Data of the previous release: the columns of a row, and its value.
  const BLOCKED = NOW_MS + 500;
  const stored: readonly [row: string, entry: Entry, policy: Policy][] = [
    ...rowsOf(tokenBucket({ rate: 7, burst: 10 }), [1_700_000_000_571, 3, 7, 1_000, 1_699_999_999_600]),
    ...rowsOf(policy, [1_699_999_980_000, 4]),
    ...rowsOf(slidingWindow({ limit: 10, window: "1m" }), [1_699_999_985_000, 6, 2]),
    ...rowsOf(slidingLog({ limit: 10, window: "1m" }), [1_699_999_950_000, 2, 1_699_999_999_900, 3]),
  ];

  function rowsOf(one: Policy, state: readonly number[]): [row: string, entry: Entry, policy: Policy][] {
    return [
      [`0, NULL, '{${state}}'`, [1, 0, state], one],
      [`${BLOCKED}, NULL, NULL`, [1, BLOCKED, null], one],
      [`${BLOCKED}, NULL, '{${state}}'`, [1, BLOCKED, state], one],
      [`${BLOCKED}, '{${BLOCKED},1000}', '{${state}}'`, [2, BLOCKED, state, 1_000], one],
      // An old function, which does not store the length of blocks, has since written another block.
      [`${BLOCKED}, '{${BLOCKED - 1},1000}', '{${state}}'`, [1, BLOCKED, state], one],
    ];
  }

  async function insert(prefix: string): Promise<void> {
    const rows = stored.map(([row, , one], i) => `('${scopeOf(prefix, one)}${i}', ${row}, 4000000000000)`);
    await admin.query(`INSERT INTO sluice_entries (key, blocked_until_ms, block, cells, expires_ms)
      VALUES ${rows.join(", ")}`);
  }

  describe.each([
    ["before it is migrated", async () => insert("before")],
    [
      "once it is migrated",
      async () => {
        await insert("migrated");
        await createSchema(admin);
        const { rows } = await admin.query("SELECT version FROM sluice_entries_migrations ORDER BY 1");
        expect(rows.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      },
    ],
  ])("%s", (when, prepare) => {
    beforeAll(prepare);

    it.each(stored.map(([row, entry, one], i) => [one.algorithm, row, entry, one, i] as const))(
      "reads and decides on a %s row with %s",
      async (_, __, entry, one, i) => {
        const claim = { scope: scopeOf(when.split(" ")[0] === "before" ? "before" : "migrated", one), key: String(i) };
        expect(await store.atomicUpdate(claim.scope + claim.key, () => undefined)).toEqual(entry);
        // Decides during the block, and after it.
        for (const nowMs of [NOW_MS, BLOCKED]) {
          const admission = { claims: [{ ...claim, policy: one, cost: 3 }], charge: true };
          const { outcome, writes } = decideEntries(admission, [entry], nowMs);
          expect(await store.decide(admission, { nowMs })).toEqual(outcome);
          expect(await store.atomicUpdate(claim.scope + claim.key, () => undefined)).toEqual(writes[0]?.state ?? entry);
          if (outcome.allowed) break;
        }
      },
    );
  });

  it("an older function reads a block of this release, and charges while it exists", async () => {
    await limiter.consume("old reads");
    await limiter.block("old reads", "1h");
    expect(await look("old reads")).toEqual([2, expect.any(Number), [expect.any(Number), 1], 3_600_000]);
    const { rows } = await admin.query(
      "SELECT sluice_entries_compare_and_set_1(NULL, $1, NULL, NULL, NULL, NULL, NULL) AS seen",
      [`${scope}old reads`],
    );
    expect(JSON.parse(rows[0].seen)[3]).toEqual([1, expect.any(Number), [expect.any(Number), 1]]);
  });

  it("an older function replaces a block with a longer one, whose length is unknown and never shortened", async () => {
    await store.atomicUpdate<Entry>(`${scope}longer`, () => ({
      state: [2, NOW_MS + 1_000, [NOW_MS, 1], 1_000],
      ttlMs: 3_600_000,
    }));
    const { rows } = await admin.query(
      "SELECT sluice_entries_compare_and_set_1($1, $2, $3, $4, ARRAY[$5, 2]::bigint[], NULL, 3600000) AS written",
      [NOW_MS, `${scope}longer`, await versionOf("longer"), NOW_MS + 3_600_000, NOW_MS],
    );
    expect(rows[0].written).toBe("[1]");
    expect(await look("longer")).toEqual([1, NOW_MS + 3_600_000, [NOW_MS, 2]]);
    const claim = { scope, key: "longer", policy, cost: 1 };
    const outcome = await store.decide({ claims: [claim], charge: true }, { nowMs: NOW_MS + 5_000 });
    expect(outcome).toMatchObject({ allowed: false, findings: [{ blocked: true, retryAfterMs: 3_595_000 }] });
  });

  it("an older function keeps the length of an ended block when it charges", async () => {
    const entry: Entry = [2, NOW_MS + 1_000, [NOW_MS, 1], 1_000];
    await store.atomicUpdate<Entry>(`${scope}ended`, () => ({ state: entry, ttlMs: 3_600_000 }));
    await admin.query("SELECT sluice_entries_decide_1($1, ARRAY[$2], '{2}', '{2,10,3600000,0}', '{1,1,1,1,1}')", [
      NOW_MS + 2_000,
      `${scope}ended`,
    ]);
    expect(await look("ended")).toEqual([2, NOW_MS + 1_000, [NOW_MS, 2], 1_000]);
  });

  it("the length of a block is moved with its entry", async () => {
    const entries: { key: string; state: unknown; expiresAtMs: number }[] = [];
    await limiter.block("moved", "1h");
    for await (const entry of store.exportEntries()) if (entry.key === `${scope}moved`) entries.push(entry);
    await limiter.reset("moved");
    await store.delete(`${scope}moved`);
    await store.importEntries(entries);
    expect(await look("moved")).toEqual([2, expect.any(Number), null, 3_600_000]);
    // The same is true for a state that is not an array of whole numbers.
    const odd = [2, NOW_MS + 1_000, { any: "thing" }, 1_000];
    await store.atomicUpdate("odd", () => ({ state: odd, ttlMs: 60_000 }));
    expect(await store.atomicUpdate("odd", () => undefined)).toEqual(odd);
  });
});
