import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createLimiter, tokenBucket } from "@sluice/core";
import { expect, it } from "vitest";
import { createSchema, type OpenSqliteClient, schemaSql, sqliteStore } from "../src/index.js";
import { ask, newFolder, openFile } from "./files.js";

const notReady = (message: RegExp) =>
  expect.objectContaining({ code: "STORE_NOT_READY", message: expect.stringMatching(message) });

async function openNew(): Promise<OpenSqliteClient> {
  return openFile(join(newFolder(), "limits.db"));
}

it("creates the table and switches to WAL, and does nothing the second time", async () => {
  const client = await openNew();
  await createSchema(client);
  const store = sqliteStore({ client });
  await store.atomicUpdate("key", () => ({ state: "kept", ttlMs: 60_000 }));
  const before = ask(client, "SELECT group_concat(sql) || total_changes() FROM sqlite_master");
  await createSchema(client);
  await store.createSchema();
  expect(ask(client, "SELECT group_concat(sql) || total_changes() FROM sqlite_master")).toBe(before);
  expect(ask(client, "PRAGMA journal_mode")).toBe("wal");
  expect(ask(client, "SELECT max(version) FROM sluice_entries_migrations")).toBe(1);
  expect(await store.atomicUpdate("key", () => undefined)).toBe("kept");
});

it("can be called by ten concurrent processes, each of which then decides", async () => {
  const file = join(newFolder(), "limits.db");
  const script = new URL("./race-process.mjs", import.meta.url);
  const task = JSON.stringify({
    kind: "libsql",
    file,
    prefix: "m",
    keys: 1,
    limit: 20,
    callers: 1,
    calls: 3,
    migrates: true,
  });
  const children = Array.from({ length: 10 }, () => fork(script, [task], { execArgv: [] }));
  for (const child of children) child.on("message", (message) => message === "ready" && child.send("start"));
  const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0]));
  expect(codes).toEqual(children.map(() => 0));
  expect(ask(await openFile(file), "SELECT c2 FROM sluice_entries WHERE key LIKE 'm:one:%'")).toBe(20);
}, 60_000);

it("reports a database without the table, and works once the table exists", async () => {
  const client = await openNew();
  const store = sqliteStore({ client });
  const limiter = createLimiter({ store, policies: tokenBucket({ rate: 1 }) });
  const missing = notReady(/no such table: sluice_entries_migrations.*run createSchema\(client\)/s);
  // SQLite itself reports the error, so no circuit breaker opens.
  for (let i = 0; i < 6; i++) {
    expect(await limiter.consume("somebody")).toMatchObject({ source: "failClosed", error: missing });
  }
  await expect(store.healthCheck()).rejects.toThrow(missing);
  await expect(store.delete("key")).rejects.toThrow(missing);
  await expect(store.sweep()).rejects.toThrow(missing);
  await expect(store.exportEntries()[Symbol.asyncIterator]().next()).rejects.toThrow(missing);
  await store.createSchema();
  await store.healthCheck();
  expect((await limiter.peek("somebody")).source).toBe("store");
});

it("reports a table that vanishes too", async () => {
  const client = await openNew();
  await createSchema(client);
  const store = sqliteStore({ client });
  await store.healthCheck();
  await store.atomicUpdate("key", () => ({ state: 1, ttlMs: 1_000 }));
  client.exec("DROP TABLE sluice_entries");
  await expect(store.atomicUpdate("key", () => undefined)).rejects.toThrow(notReady(/no such table: sluice_entries/));
  client.exec("DROP TABLE sluice_entries_migrations");
  await createSchema(client);
  expect(await store.atomicUpdate("key", () => undefined)).toBe(undefined);
});

it("reports a table of an older release, and a database without WAL", async () => {
  const client = await openNew();
  await createSchema(client);
  client.exec("DELETE FROM sluice_entries_migrations");
  const older = sqliteStore({ client });
  await expect(older.healthCheck()).rejects.toThrow(notReady(/version 0, and this release needs 1/));
  client.exec("INSERT INTO sluice_entries_migrations (version) VALUES (7)");
  await older.healthCheck();
  client.exec("PRAGMA journal_mode = DELETE");
  await expect(sqliteStore({ client }).healthCheck()).rejects.toThrow(notReady(/journal mode is delete/));
});

it("works in memory", async () => {
  const client = await openFile(":memory:");
  await createSchema(client);
  const limiter = createLimiter({ store: sqliteStore({ client }), policies: tokenBucket({ rate: 1, interval: "1d" }) });
  expect([(await limiter.consume("a")).allowed, (await limiter.consume("a")).allowed]).toEqual([true, false]);
});

it("supports tables of different names in one database", async () => {
  const client = await openNew();
  const tables = [undefined, "limits", `select`, "x".repeat(40)];
  for (const table of tables) await createSchema(client, { table });
  for (const table of tables) {
    const store = sqliteStore({ client, table });
    await store.atomicUpdate("key", () => ({ state: String(table), ttlMs: 60_000 }));
  }
  for (const table of tables) {
    expect(await sqliteStore({ client, table }).atomicUpdate("key", () => undefined)).toBe(String(table));
  }
});

it("has the same effect as plain SQL, even in a transaction, and if run twice", async () => {
  const client = await openNew();
  client.exec("PRAGMA journal_mode = WAL");
  client.exec(`BEGIN; ${schemaSql({ table: "limits" })} COMMIT`);
  client.exec(schemaSql({ table: "limits" }));
  await sqliteStore({ client, table: "limits" }).healthCheck();
  const other = await openNew();
  await createSchema(other, { table: "limits" });
  const schema = "SELECT group_concat(sql) FROM sqlite_master";
  expect(ask(client, schema)).toBe(ask(other, schema));
});

it("reports a file that it cannot write to", async () => {
  const client = await openNew();
  client.exec("PRAGMA query_only = ON");
  await expect(createSchema(client)).rejects.toThrow(
    expect.objectContaining({ code: "STORE_FAILED", message: expect.stringMatching(/readonly|WAL/) }),
  );
});
