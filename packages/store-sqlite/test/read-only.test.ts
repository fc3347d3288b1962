import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createLimiter, fixedWindow } from "@sluice/core";
import { describe, expect, it } from "vitest";
import { type OpenSqliteClient, type SqliteClient, sqliteStore } from "../src/index.js";
import { ask, openSeveral } from "./files.js";

const policies = fixedWindow({ limit: 3, window: "1d" });

/** A client that fails like SQLite, for one statement in one state of the disk. */
function failing(
  client: OpenSqliteClient,
  statement: RegExp,
  code: string,
  fails: (values: unknown[]) => boolean,
): SqliteClient {
  const check = (sql: string, values: unknown[]): void => {
    if (statement.test(sql) && fails(values)) throw Object.assign(new Error("it was refused"), { code });
  };
  return {
    exec(sql) {
      check(sql, []);
      return client.exec(sql);
    },
    prepare(sql) {
      const prepared = client.prepare(sql);
      return {
        all: (...values) => prepared.all(...values),
        run(...values) {
          check(sql, values);
          return prepared.run(...values);
        },
      };
    },
  };
}

async function openOne(): Promise<{ client: OpenSqliteClient; file: string }> {
  const { clients, file } = await openSeveral(1);
  return { client: clients[0] as OpenSqliteClient, file };
}

describe("a failing write", () => {
  it("fails only its own admission", async () => {
    const { client } = await openOne();
    const store = sqliteStore({
      client: failing(client, /^INSERT/, "SQLITE_TOOBIG", ([key]) => String(key).endsWith("refused")),
    });
    const limiter = createLimiter({ store, policies, timeout: "5s" });
    const keys = ["first", "refused", "second", "first", "refused", "third"];
    const decisions = await Promise.all(keys.map((key) => limiter.consume(key)));
    expect(decisions.map(({ source }) => source)).toEqual([
      "store",
      "failClosed",
      "store",
      "store",
      "failClosed",
      "store",
    ]);
    expect(ask(client, "SELECT sum(c2) FROM sluice_entries")).toBe(4);
  });

  it("does not affect denials and peeks, on a full disk and a read-only file, even with failOpen", async () => {
    const { client } = await openOne();
    let full = false;
    const store = sqliteStore({ client: failing(client, /^(INSERT|DELETE)/, "SQLITE_FULL", () => full) });
    const limiter = createLimiter({ store, policies, timeout: "5s", failOpen: true });
    await limiter.consume("exhausted", { cost: 3 });
    await limiter.block("blocked", "1h");
    full = true;
    const decisions = await Promise.all(
      ["fresh", "exhausted", "blocked", "another"].map((key) => limiter.consume(key)),
    );
    expect(decisions.map(({ allowed, source }) => [allowed, source])).toEqual([
      [true, "failOpen"],
      [false, "store"],
      [false, "store"],
      [true, "failOpen"],
    ]);
    full = false;
    expect(await limiter.consume("fresh")).toMatchObject({ allowed: true, source: "store", remaining: 2 });
  });

  it("is not tried for 200 calls one by one on a full disk", async () => {
    const { client } = await openOne();
    let tries = 0;
    const store = sqliteStore({
      client: failing(client, /^COMMIT/, "SQLITE_FULL", () => {
        tries++;
        return true;
      }),
    });
    const calls = Array.from({ length: 200 }, (_, i) =>
      store.atomicUpdate(`key ${i}`, () => ({ state: 1, ttlMs: 1_000 })),
    );
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    expect(tries).toBeLessThan(10);
  });
});

// The child process drops root rights, since root may write to any file.
it.skipIf(process.platform === "win32")(
  "uses a file that was read-only when it was opened as soon as it is writable",
  async () => {
    const { file } = await openSeveral(1);
    const script = fileURLToPath(new URL("./read-only-process.mjs", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, file], { cwd: import.meta.dirname });
    expect(stdout.trim().split("\n")).toEqual(["known 1", "STORE_FAILED", "known 1", "written"]);
  },
);
