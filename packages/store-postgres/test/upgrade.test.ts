import { createLimiter, fixedWindow } from "@sluice/core";
import { type Entry, scopeOf } from "@sluice/core/store";
import { expect, it } from "vitest";
import { postgresStore } from "../src/index.js";
import { describeDatabases, startDatabases } from "./database.js";

const databases = await startDatabases();

/** Processes of the release before work on the same rows, by the functions of that release. */
describeDatabases(databases, ({ admin }) => {
  const store = postgresStore({ client: admin });
  const policy = fixedWindow({ limit: 10, window: "1h" });
  const scope = scopeOf("upgrade", policy);
  const limiter = createLimiter({ store, prefix: "upgrade", policies: policy });
  const NOW_MS = 1_700_000_000_000;
  const look = (key: string) => store.atomicUpdate<Entry>(scope + key, () => undefined);

  const versionOf = async (key: string): Promise<string> =>
    (await admin.query("SELECT xmin::text AS version FROM sluice_entries WHERE key = $1", [scope + key])).rows[0]
      .version;

  it("reads a block of this release, and charges beside it", async () => {
    await limiter.consume("old reads");
    await limiter.block("old reads", "1h");
    expect(await look("old reads")).toEqual([2, expect.any(Number), [expect.any(Number), 1], 3_600_000]);
    const { rows } = await admin.query(
      "SELECT sluice_entries_compare_and_set_1(NULL, $1, NULL, NULL, NULL, NULL, NULL) AS seen",
      [`${scope}old reads`],
    );
    expect(JSON.parse(rows[0].seen)[3]).toEqual([1, expect.any(Number), [expect.any(Number), 1]]);
  });

  it("writes a longer block over one of this release: its length is not known, and nothing shortens it", async () => {
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

  it("keeps the length of a block that ended while it charges", async () => {
    const entry: Entry = [2, NOW_MS + 1_000, [NOW_MS, 1], 1_000];
    await store.atomicUpdate<Entry>(`${scope}ended`, () => ({ state: entry, ttlMs: 3_600_000 }));
    await admin.query("SELECT sluice_entries_decide_1($1, ARRAY[$2], '{2}', '{2,10,3600000,0}', '{1,1,1,1,1}')", [
      NOW_MS + 2_000,
      `${scope}ended`,
    ]);
    expect(await look("ended")).toEqual([2, NOW_MS + 1_000, [NOW_MS, 2], 1_000]);
  });

  it("moves the length of a block with its entry", async () => {
    const entries: { key: string; state: unknown; expiresAtMs: number }[] = [];
    await limiter.block("moved", "1h");
    for await (const entry of store.exportEntries()) if (entry.key === `${scope}moved`) entries.push(entry);
    await limiter.reset("moved");
    await store.delete(`${scope}moved`);
    await store.importEntries(entries);
    expect(await look("moved")).toEqual([2, expect.any(Number), null, 3_600_000]);
    // And of one whose state is not of whole numbers.
    const odd = [2, NOW_MS + 1_000, { any: "thing" }, 1_000];
    await store.atomicUpdate("odd", () => ({ state: odd, ttlMs: 60_000 }));
    expect(await store.atomicUpdate("odd", () => undefined)).toEqual(odd);
  });
});
