import pg from "pg";
import { expect, it } from "vitest";
import { postgresStore } from "../src/index.js";
import { describeDatabases, openPool, startDatabases } from "./database.js";

const databases = await startDatabases();

describeDatabases(databases, ({ server, admin }) => {
  let statements = 0;
  class CountingClient extends pg.Client {
    override query(...args: unknown[]): never {
      statements++;
      return super.query(...(args as [string])) as never;
    }
  }
  const store = postgresStore({ client: openPool(server, { max: 2, Client: CountingClient as never }) });
  const look = (key: string, nowMs?: number) =>
    store.atomicUpdate(key, () => undefined, nowMs === undefined ? {} : { nowMs });

  it("concurrent reads share a statement, and each returns its own entry", async () => {
    const keys = ['"', "\\", "{a,b}", "NULL", "", "\0", "😀", ...Array.from({ length: 93 }, (_, i) => `looks:${i}`)];
    const written = keys.filter((_, i) => i % 2 === 0);
    await Promise.all(written.map((key) => store.atomicUpdate(key, () => ({ state: { key }, ttlMs: 60_000 }))));
    statements = 0;
    const found = await Promise.all(keys.map((key) => look(key)));
    expect(found).toEqual(keys.map((key, i) => (i % 2 === 0 ? { key } : undefined)));
    expect(statements).toBeLessThanOrEqual(2);
  });

  it("each read uses the time that was passed to it", async () => {
    const results = await Promise.all(
      [5, 5, 7, undefined, 5].map(
        (nowMs) =>
          new Promise<number>((resolve, reject) => {
            const hear = (_: unknown, atMs: number) => void resolve(atMs);
            store.atomicUpdate("looks", hear, nowMs === undefined ? {} : { nowMs }).catch(reject);
          }),
      ),
    );
    expect(results).toEqual([5, 5, 7, expect.any(Number), 5]);
    expect(results[3]).toBeGreaterThan(1_700_000_000_000);
  });

  it("an unreadable entry fails only its own read", async () => {
    await store.atomicUpdate("looks:whole", () => ({ state: "whole", ttlMs: 60_000 }));
    await admin.query(
      "INSERT INTO sluice_entries (key, blocked_until_ms, other, expires_ms) VALUES ('looks:broken', 0, '{', 9e15)",
    );
    const [broken, whole] = await Promise.allSettled([look("looks:broken"), look("looks:whole")]);
    expect(broken).toMatchObject({ status: "rejected", reason: { code: "STORE_STATE_UNREADABLE" } });
    expect(whole).toEqual({ status: "fulfilled", value: "whole" });
  });
});
