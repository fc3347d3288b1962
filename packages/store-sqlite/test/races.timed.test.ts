import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { createLimiter, fixedWindow } from "@sluice/core";
import { expect, it } from "vitest";
import { type OpenSqliteClient, sqliteStore } from "../src/index.js";
import { ask, openSeveral } from "./files.js";

interface Race {
  readonly prefix: string;
  readonly keys: number;
  readonly limit: number;
  readonly callers: number;
  readonly calls: number;
}

/** Runs a race, and returns the grants of all processes by policy and key. A failed call ends its process. */
async function run(file: string, processes: number, race: Race): Promise<Map<string, number>> {
  const task = JSON.stringify({ kind: "libsql", file, ...race });
  const script = new URL("./race-process.mjs", import.meta.url);
  const children = Array.from({ length: processes }, () => fork(script, [task], { execArgv: [] }));
  try {
    expect(await Promise.all(children.map(nextMessage))).toEqual(children.map(() => "ready"));
    const grants = children.map(nextMessage);
    for (const child of children) child.send("start");
    const sums = new Map<string, number>();
    for (const granted of (await Promise.all(grants)) as Record<string, number>[]) {
      for (const [key, count] of Object.entries(granted)) sums.set(key, (sums.get(key) ?? 0) + count);
    }
    return sums;
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  // Not "exit", since its last output may arrive later.
  const ended = once(child, "disconnect").then(() => Promise.reject(new Error("a process ended without an answer")));
  ended.catch(() => {});
  const [message] = (await Promise.race([once(child, "message"), ended])) as [unknown];
  return message;
}

it("grants 4 processes with 25 callers each exactly the 500 units of one key", async () => {
  const { file } = await openSeveral(1);
  const granted = await run(file, 4, { prefix: "one", keys: 1, limit: 500, callers: 25, calls: 10 });
  expect([...granted]).toEqual([
    ["one 0", 500],
    ["two 0", 500],
  ]);
}, 60_000);

it("charges exactly the grants of 8 processes on 20 keys, two at a time, without lock errors", async () => {
  const { file, clients } = await openSeveral(1);
  const [client] = clients as [OpenSqliteClient];
  const limit = 150;
  const granted = await run(file, 8, { prefix: "many", keys: 20, limit, callers: 25, calls: 30 });
  const limiter = createLimiter({
    store: sqliteStore({ client }),
    prefix: "many",
    policies: [fixedWindow({ name: "one", limit, window: "1d" }), fixedWindow({ name: "two", limit, window: "1d" })],
    timeout: "20s",
  });
  for (let key = 0; key < 20; key++) {
    const { policies } = await limiter.peek(String(key));
    for (const { policy, remaining } of policies) {
      const count = granted.get(`${policy.name} ${key}`) ?? 0;
      expect([policy.name, key, remaining]).toEqual([policy.name, key, limit - count]);
      expect(count).toBeLessThanOrEqual(limit);
    }
  }
  const sum = [...granted.values()].reduce((all, count) => all + count, 0);
  expect(sum).toBeGreaterThan(0.9 * 40 * limit);
}, 60_000);

// The disk and the cores decide how often a checkpoint gets the lock.
it("keeps the log bounded while 6 processes constantly write new keys", { retry: 3, timeout: 60_000 }, async () => {
  const { file, clients } = await openSeveral(1);
  const [client] = clients as [OpenSqliteClient];
  const granted = await run(file, 6, { prefix: "log", keys: 100_000, limit: 1_000, callers: 50, calls: 60 });
  const sum = [...granted.values()].reduce((all, count) => all + count, 0);
  expect(sum).toBe(6 * 50 * 60 * 2);
  expect(ask(client, "SELECT count(*) > 20000 FROM sluice_entries")).toBe(1);
  // The log has 8 to 50 MB in most runs. SQLite's own checkpoints often leave 80 to 130 MB.
  expect(statSync(`${file}-wal`).size).toBeLessThan(64_000_000);
});
