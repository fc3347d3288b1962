import { statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type OpenSqliteClient, type SqliteClient, sqliteStore } from "../src/index.js";
import { openSeveral } from "./files.js";

/** A client that records its checkpoints, and every busy timeout that would block the event loop. */
function noted(client: OpenSqliteClient): SqliteClient & { readonly checkpoints: string[]; readonly waits: string[] } {
  const checkpoints: string[] = [];
  const waits: string[] = [];
  return {
    checkpoints,
    waits,
    exec(sql) {
      if (/busy_timeout = [1-9]/.test(sql)) waits.push(sql);
      return client.exec(sql);
    },
    prepare(sql) {
      const statement = client.prepare(sql);
      return {
        run: (...values) => statement.run(...values),
        all(...values) {
          if (/wal_checkpoint/.test(sql)) checkpoints.push(sql);
          return statement.all(...values);
        },
      };
    },
  };
}

async function open() {
  const { file, clients } = await openSeveral(2);
  const [own, reader] = clients as [OpenSqliteClient, OpenSqliteClient];
  const client = noted(own);
  const store = sqliteStore({ client });
  let written = 0;
  /** Writes rows of one page each. */
  async function write(pages: number): Promise<void> {
    const state = "x".repeat(3_800);
    for (const end = written + pages; written < end; ) {
      const keys = Array.from({ length: 100 }, () => `key ${written++ % 500}`);
      await Promise.all(keys.map((key) => store.atomicUpdate(key, () => ({ state, ttlMs: 60_000 }))));
    }
  }
  return { client, own, reader, write, logSize: () => statSync(`${file}-wal`).size };
}

function read(reader: OpenSqliteClient): void {
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM sluice_entries").all();
}

describe("checkpoints", () => {
  it("keep the log short without waiting, while others write", async () => {
    const { client, write, logSize } = await open();
    await write(4_500);
    expect(client.checkpoints.length).toBeGreaterThan(2);
    expect(client.checkpoints.filter((sql) => !sql.includes("PASSIVE"))).toEqual([]);
    expect(client.waits).toEqual([]);
    expect(logSize()).toBeLessThan(16_500_000);
  });

  it("never wait for a long reader, and shorten the log after it has ended", async () => {
    const { client, reader, write, logSize } = await open();
    await write(300);
    read(reader);
    await write(5_500);
    expect(client.waits).toEqual([]);
    expect(client.checkpoints.length).toBeLessThan(30);
    expect(logSize()).toBeGreaterThan(16_500_000);
    reader.exec("COMMIT");
    await write(4_700);
    expect(logSize()).toBeLessThan(16_500_000);
  });

  it("keep the log bounded while readers come and go", async () => {
    const { client, reader, write, logSize } = await open();
    let largest = 0;
    for (let i = 0; i < 6; i++) {
      read(reader);
      await write(800);
      reader.exec("COMMIT");
      await write(300);
      largest = Math.max(largest, logSize());
    }
    expect(client.waits).toEqual([]);
    expect(largest).toBeLessThan(20_000_000);
  });
});
