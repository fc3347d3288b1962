// Opens a file while it is read-only, and uses it before and after it becomes writable.
import { chmodSync, chownSync } from "node:fs";
import { dirname } from "node:path";
import { sqliteStore } from "@sluice/store-sqlite";
import { openClient } from "./clients.mjs";

const [file = ""] = process.argv.slice(2);
const NOBODY = 65_534;

const before = await openClient("libsql", file);
await sqliteStore({ client: before }).atomicUpdate("known", () => ({ state: 1, ttlMs: 60_000 }));
if (process.getuid?.() === 0) {
  for (const path of [dirname(file), file, `${file}-wal`, `${file}-shm`]) chownSync(path, NOBODY, NOBODY);
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
}
chmodSync(file, 0o444);
const client = await openClient("libsql", file);
const store = sqliteStore({ client });
const read = async () => console.log("known", await store.atomicUpdate("known", () => undefined));
const write = () => store.atomicUpdate("key", () => ({ state: "written", ttlMs: 60_000 }));

await read();
await write().catch(({ code }) => console.log(code));
await read();
chmodSync(file, 0o644);
console.log(await write());
await store.close();
