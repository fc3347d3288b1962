import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createLimiter, fixedWindow, type Limiter } from "@sluice/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createSchema, type OpenSqliteClient, type SqliteClient, type SqliteStore, sqliteStore } from "../src/index.js";
import { ask, newFolder, openFile } from "./files.js";

const policies = fixedWindow({ limit: 10, window: "1d" });

/** Longer than the time between two checks of the store's files. */
let aheadMs = 0;
const realNow = performance.now.bind(performance);
function passTime(): void {
  aheadMs += 1_100;
  vi.spyOn(performance, "now").mockImplementation(() => realNow() + aheadMs);
}
afterEach(() => {
  vi.restoreAllMocks();
  aheadMs = 0;
});

interface Process {
  readonly client: OpenSqliteClient;
  readonly store: SqliteStore;
  readonly limiter: Limiter;
}

async function open(
  file: string,
  wrap: (client: OpenSqliteClient) => SqliteClient = (client) => client,
): Promise<Process> {
  const client = await openFile(file);
  const store = sqliteStore({ client: wrap(client) });
  return { client, store, limiter: createLimiter({ store, policies, timeout: "5s" }) };
}

/** Opens a file, and makes a decision on it. */
async function openUsed(
  wrap?: (client: OpenSqliteClient) => SqliteClient,
): Promise<Process & { readonly file: string }> {
  const file = join(newFolder(), "limits.db");
  await createSchema(await openFile(file));
  const opened = await open(file, wrap);
  expect(await opened.limiter.consume("somebody", { cost: 4 })).toMatchObject({ allowed: true, remaining: 6 });
  return { ...opened, file };
}

const refused = (code: string, text: string) => ({
  source: "failClosed",
  error: { code, message: expect.stringContaining(text) },
});

/** A client with only prepare and exec, of which the store cannot open another. */
function wrapped(client: OpenSqliteClient): SqliteClient {
  return { prepare: (sql) => client.prepare(sql), exec: (sql) => client.exec(sql) };
}

function remove(file: string): void {
  for (const ending of ["", "-wal", "-shm"]) rmSync(file + ending, { force: true });
}

describe("a file that is deleted while it is open", () => {
  it("causes errors within a second, until another process creates a new file, which is then used", async () => {
    const { file, limiter, store } = await openUsed();
    remove(file);
    passTime();
    expect(await limiter.consume("somebody")).toMatchObject(refused("STORE_NOT_READY", `${file} was deleted`));
    expect(await limiter.consume("somebody")).toMatchObject(refused("STORE_NOT_READY", "Run createSchema()"));
    await createSchema(await openFile(file));
    const other = await open(file);
    expect(await other.limiter.consume("somebody", { cost: 8 })).toMatchObject({ allowed: true, remaining: 2 });
    expect(await limiter.consume("somebody", { cost: 2 })).toMatchObject({ allowed: true, remaining: 0 });
    expect(await other.limiter.consume("somebody")).toMatchObject({ allowed: false, source: "store" });
    await store.close();
  });

  it("is created again by the store's createSchema()", async () => {
    const { file, limiter, store } = await openUsed();
    remove(file);
    passTime();
    await store.createSchema();
    expect(await limiter.consume("somebody")).toMatchObject({ source: "store", remaining: 9 });
    expect(ask(await openFile(file), "SELECT c2 FROM sluice_entries")).toBe(1);
    await store.close();
  });
});

describe("a file that is replaced while it is open", () => {
  it("is given up for the new one", async () => {
    const { file, limiter, store, client } = await openUsed();
    const fresh = join(newFolder(), "fresh.db");
    const other = await openFile(fresh);
    await createSchema(other);
    other.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    other.close();
    remove(file);
    renameSync(fresh, file);
    passTime();
    const new_ = await open(file);
    expect(await new_.limiter.consume("somebody", { cost: 7 })).toMatchObject({ remaining: 3 });
    expect(await limiter.consume("somebody", { cost: 3 })).toMatchObject({ source: "store", remaining: 0 });
    await store.close();
    // The user's client is still open.
    expect(ask(client, "SELECT 1")).toBe(1);
  });

  it("causes errors if the store cannot open another client", async () => {
    const { file, limiter } = await openUsed(wrapped);
    renameSync(file, `${file}.old`);
    await createSchema(await openFile(file));
    passTime();
    expect(await limiter.consume("somebody")).toMatchObject(refused("STORE_NOT_READY", `${file} was replaced`));
    for (const ending of ["", "-wal", "-shm"]) rmSync(file + ending, { force: true });
    renameSync(`${file}.old`, file);
  });
});

it.each(["-wal", "-shm"])("a deleted %s file causes an error with the fix", async (ending) => {
  const { file, limiter } = await openUsed();
  passTime();
  expect(await limiter.consume("somebody")).toMatchObject({ source: "store" });
  rmSync(file + ending);
  passTime();
  expect(await limiter.consume("somebody")).toMatchObject(refused("STORE_FAILED", "Restart all processes"));
  expect(await limiter.consume("somebody")).toMatchObject(refused("STORE_FAILED", `${ending} was deleted`));
});
