import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createSchema, type OpenSqliteClient } from "../src/index.js";
import { openClient } from "./clients.mjs";

/** A folder that is removed after the test. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-sqlite-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** An open database that is closed after the test. It uses libsql, which works on every Node.js. */
export async function openFile(file: string): Promise<OpenSqliteClient> {
  const client = await openClient("libsql", file);
  onTestFinished(() => client.close());
  return client;
}

/** Several handles on a new file with the store's schema. */
export async function openSeveral(count: number): Promise<{ file: string; clients: OpenSqliteClient[] }> {
  const file = join(newFolder(), "limits.db");
  const clients: OpenSqliteClient[] = [];
  for (let i = 0; i < count; i++) clients.push(await openFile(file));
  await createSchema(clients[0] as OpenSqliteClient);
  return { file, clients };
}

/** The first column of the first row. */
export function ask(client: OpenSqliteClient, sql: string): unknown {
  return Object.values(client.prepare(sql).all()[0] as object)[0];
}
