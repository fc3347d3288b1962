// The conformance suite with one kind of client, for any test runner.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { absent, storeSuite } from "@sluice/testkit";
import { openClient } from "./clients.mjs";

/** The number of handles that share a client. */
const CLIENTS = 4;

/**
 * @param {import("@sluice/testkit").SuiteRunner} runner
 * @param {typeof import("@sluice/store-sqlite")} sqlite
 * @param {string} kind
 * @param {number} operations
 */
export function sqliteSuite(runner, { createSchema, sqliteStore }, kind, operations) {
  const folder = mkdtempSync(join(tmpdir(), "sluice-sqlite-"));
  const file = join(folder, "limits.db");
  const spare = join(folder, "spare.db");
  const junk = join(folder, "junk.db");
  writeFileSync(junk, "no database ".repeat(1_000));
  /** @type {Map<string, import("@sluice/store-sqlite").OpenSqliteClient[]>} */
  const opened = new Map();

  /** @param {string} path */
  async function open(path) {
    const clients = opened.get(path) ?? [];
    opened.set(path, clients);
    const client = await openClient(kind, path);
    clients.push(client);
    return client;
  }

  let made = 0;
  /** @param {string} path */
  async function makeOn(path) {
    const client = opened.get(path)?.[made++ % CLIENTS] ?? (await open(path));
    return sqliteStore({ client });
  }

  runner.beforeAll(async () => {
    for (const path of [file, spare]) await createSchema(await open(path));
  });
  runner.afterAll(() => {
    for (const client of [...opened.values()].flat()) client.close();
    rmSync(folder, { recursive: true });
  });

  storeSuite(runner, () => makeOn(file), {
    decides: true,
    shared: true,
    ownClock: absent("the processes that share a file share a machine, and so a clock"),
    otherProcess: { module: new URL("./process-store.mjs", import.meta.url), setting: () => `${kind} ${file}` },
    exportsEntries: true,
    importsEntries: true,
    checksHealth: true,
    unreachable: () => makeOn(junk),
    async interruptible() {
      const other = await open(spare);
      return {
        store: await makeOn(spare),
        interrupt: async () => void other.exec("BEGIN IMMEDIATE"),
        restore: async () => void other.exec("ROLLBACK"),
      };
    },
    operations,
  });
}
