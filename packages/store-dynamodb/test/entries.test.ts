import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { createLimiter, fixedWindow, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import type { ExportedEntry } from "@sluice/core/store";
import { expect, it } from "vitest";
import type { DynamodbStore } from "../src/index.js";
import { serverWithTable, TABLE } from "./server.js";

const { client, openStore } = await serverWithTable();

async function listed(store: DynamodbStore, prefix: string): Promise<ExportedEntry[]> {
  const entries: ExportedEntry[] = [];
  for await (const entry of store.exportEntries()) if (entry.key.startsWith(prefix)) entries.push(entry);
  return entries;
}

it("stores imported entries as decisions do, with all policies of a key in one item", async () => {
  const { store } = openStore();
  const policies = [
    tokenBucket({ name: "burst", rate: 7, interval: "1h", burst: 50 }),
    fixedWindow({ name: "hourly", limit: 100, window: "1h" }),
    slidingWindow({ name: "daily", limit: 1_000, window: "1d" }),
    slidingLog({ name: "exact", limit: 5, window: "1h" }),
  ];
  const limiter = createLimiter({ store, policies, prefix: "kept", timeout: "5s" });
  await limiter.consume("somebody", { cost: 3 });
  await limiter.block("somebody", "2h");
  const entries = await listed(store, "kept:");
  expect(entries).toHaveLength(4);
  await limiter.reset("somebody");
  expect(await listed(store, "kept:")).toEqual([]);
  expect(await store.importEntries(entries)).toEqual([]);
  const sorted = (all: ExportedEntry[]) => all.sort((a, b) => (a.key < b.key ? -1 : 1));
  expect(sorted(await listed(store, "kept:"))).toEqual(sorted(entries));
  const { Item = {} } = await client.send(
    new GetItemCommand({ TableName: TABLE, Key: { pk: { S: "key:kept:somebody" } } }),
  );
  expect(Object.keys(Item).sort()).toEqual([
    "burst:token-bucket",
    "daily:sliding-window",
    "exact:sliding-log",
    "expiresAt",
    "hourly:fixed-window",
    "pk",
  ]);
  expect(Item["burst:token-bucket"]?.M?.t?.N).toMatch(/^\d+$/);
  expect(Number(Item.expiresAt?.N)).toBeGreaterThan((Date.now() + 2 * 86_400_000) / 1_000);
});

it("lists more than one page, and writes each new entry with one request", async () => {
  const { store, requests } = openStore();
  const large = "x".repeat(100_000);
  const entries = Array.from(
    { length: 25 },
    (_, i): ExportedEntry => ({
      key: `large:${i}`,
      state: `${i} ${large}`,
      expiresAtMs: Date.now() + 3_600_000,
    }),
  );
  await store.importEntries(entries);
  expect(requests.take()).toEqual({ UpdateItemCommand: 25 });
  expect((await listed(store, "large:")).map(({ key }) => key).sort()).toEqual(entries.map(({ key }) => key).sort());
  expect(requests.take().ScanCommand).toBeGreaterThan(2);
});
