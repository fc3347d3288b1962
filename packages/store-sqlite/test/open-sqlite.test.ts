import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createSchema, openSqlite, sqliteStore } from "../src/index.js";
import { newFolder } from "./files.js";

const unavailable = (message: RegExp) =>
  expect.objectContaining({ code: "STORAGE_UNAVAILABLE", message: expect.stringMatching(message) });

describe("openSqlite", () => {
  it("opens a new or existing file on which a store works", async () => {
    const file = join(newFolder(), "limits.db");
    for (const expected of [undefined, "kept"]) {
      const client = await openSqlite(file);
      await createSchema(client);
      const store = sqliteStore({ client });
      expect(await store.atomicUpdate("key", () => undefined)).toBe(expected);
      await store.atomicUpdate("key", () => ({ state: "kept", ttlMs: 60_000 }));
      await store.close();
      client.close();
    }
  });

  it("does not create a file if create is false", async () => {
    const file = join(newFolder(), "limits.db");
    const missing = { code: "STORE_NOT_READY", message: expect.stringContaining(`no SQLite file ${file}`) };
    await expect(openSqlite(file, { create: false })).rejects.toThrow(expect.objectContaining(missing));
    expect(existsSync(file)).toBe(false);
    (await openSqlite(file)).close();
    (await openSqlite(file, { create: false })).close();
    (await openSqlite(":memory:", { create: false })).close();
  });

  it.each([[{ create: "no" }, "INVALID_OPTION"] as const, [{ make: true }, "UNKNOWN_OPTION"] as const])(
    "refuses the options %j",
    async (options, code) => {
      await expect(openSqlite(":memory:", options as object)).rejects.toThrow(expect.objectContaining({ code }));
    },
  );

  it("opens a database in memory", async () => {
    const client = await openSqlite(":memory:");
    await createSchema(client);
    await sqliteStore({ client }).healthCheck();
    client.close();
    expect(existsSync(":memory:")).toBe(false);
  });

  it("treats text that looks like a URL as a file", async () => {
    await expect(openSqlite("http://127.0.0.1:1/limits.db")).rejects.toThrow(unavailable(/folder .* does not exist/));
  });

  it("names the path in errors for a missing folder, a folder, and a file that is not a database", async () => {
    const folder = newFolder();
    await expect(openSqlite(join(folder, "nowhere", "limits.db"))).rejects.toThrow(
      unavailable(/nowhere\/limits\.db can't be opened: the folder .*nowhere does not exist/),
    );
    mkdirSync(join(folder, "folder.db"));
    await expect(openSqlite(join(folder, "folder.db"))).rejects.toThrow(unavailable(/folder\.db can't be opened/));
    writeFileSync(join(folder, "text.db"), "no database ".repeat(1_000));
    await expect(openSqlite(join(folder, "text.db"))).rejects.toThrow(unavailable(/text\.db .* not a database/));
  });

  it.each([undefined, "", 5, null])("refuses the path %j", async (path) => {
    await expect(openSqlite(path as never)).rejects.toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  });

  // better-sqlite3 13 is installed, and on Node.js 20 it would crash the process.
  const hidden = process.version.startsWith("v20.") ? ["libsql"] : ["libsql", "better-sqlite3", "node:sqlite"];

  it(`names the package to install if none runs, without ${hidden.join(", ")}`, async () => {
    const hooks = `data:text/javascript,${encodeURIComponent(`
      export function resolve(name, context, next) {
        if (${JSON.stringify(hidden)}.includes(name)) throw new Error("hidden: " + name);
        return next(name, context);
      }`)}`;
    const script = `
      import { register } from "node:module";
      register(${JSON.stringify(hooks)});
      const { openSqlite } = await import("@sluice/store-sqlite");
      await openSqlite("limits.db").catch(({ code, message }) => console.log(code, message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      cwd: import.meta.dirname,
    });
    expect(stdout).toMatch(/^PACKAGE_MISSING .*npm install libsql/);
  });
});
