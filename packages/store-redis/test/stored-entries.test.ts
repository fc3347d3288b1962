import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import { decideEntries, type Entry } from "@sluice/core/store";
import { type RedisServer, startRedis } from "@sluice/servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { redisStore } from "../src/index.js";

let server: RedisServer;
let client: Redis;

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.port);
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

const NOW_MS = 1_700_000_000_000;
const BUCKET = tokenBucket({ rate: 7, burst: 10 });
const WINDOW = fixedWindow({ limit: 10, window: "1m" });
const SLIDING = slidingWindow({ limit: 10, window: "1m" });
const LOG = slidingLog({ limit: 10, window: "1m" });
const BLOCKED = 1_700_000_000_500;

// Bytes as the previous release stored them. Never change them, since state outlives a release.
it.each<[name: string, bytes: string, entry: Entry, policy: Policy]>([
  [
    "{lh}old:default:token-bucket:1",
    "0100cf0000018bcfe56a3b0307cd03e8cf0000018bcfe56670",
    [1, 0, [1_700_000_000_571, 3, 7, 1_000, 1_699_999_999_600]],
    BUCKET,
  ],
  ["{pt}old:default:token-bucket:1n", "01cf0000018bcfe569f4", [1, BLOCKED, null], BUCKET],
  [
    "{cs}old:default:token-bucket:2",
    "02cf0000018bcfe569f4cd03e8cf0000018bcfe56a3b0307cd03e8cf0000018bcfe56670",
    [2, BLOCKED, [1_700_000_000_571, 3, 7, 1_000, 1_699_999_999_600], 1_000],
    BUCKET,
  ],
  ["{lh}old:default:fixed-window:1", "0100cf0000018bcfe519e004", [1, 0, [1_699_999_980_000, 4]], WINDOW],
  ["{pt}old:default:fixed-window:1n", "01cf0000018bcfe569f4", [1, BLOCKED, null], WINDOW],
  [
    "{cs}old:default:fixed-window:2",
    "02cf0000018bcfe569f4cd03e8cf0000018bcfe519e004",
    [2, BLOCKED, [1_699_999_980_000, 4], 1_000],
    WINDOW,
  ],
  ["{lh}old:default:sliding-window:1", "0100cf0000018bcfe52d680602", [1, 0, [1_699_999_985_000, 6, 2]], SLIDING],
  ["{pt}old:default:sliding-window:1n", "01cf0000018bcfe569f4", [1, BLOCKED, null], SLIDING],
  [
    "{cs}old:default:sliding-window:2",
    "02cf0000018bcfe569f4cd03e8cf0000018bcfe52d680602",
    [2, BLOCKED, [1_699_999_985_000, 6, 2], 1_000],
    SLIDING,
  ],
  [
    "{lh}old:default:sliding-log:1",
    "0100cf0000018bcfe4a4b002cf0000018bcfe5679c03",
    [1, 0, [1_699_999_950_000, 2, 1_699_999_999_900, 3]],
    LOG,
  ],
  ["{pt}old:default:sliding-log:1n", "01cf0000018bcfe569f4", [1, BLOCKED, null], LOG],
  [
    "{cs}old:default:sliding-log:2",
    "02cf0000018bcfe569f4cd03e8cf0000018bcfe4a4b002cf0000018bcfe5679c03",
    [2, BLOCKED, [1_699_999_950_000, 2, 1_699_999_999_900, 3], 1_000],
    LOG,
  ],
])("reads and decides on %s, which an earlier release stored", async (name, bytes, entry, policy) => {
  await client.set(name, Buffer.from(bytes, "hex"), "PX", 60_000);
  const store = redisStore({ client });
  const scope = scopeOf("old", policy);
  const key = name.slice(name.lastIndexOf(":") + 1);
  expect(await store.atomicUpdate(scope + key, () => undefined)).toEqual(entry);
  // Decides during the block, and after it.
  for (const nowMs of [NOW_MS, BLOCKED]) {
    const admission = { claims: [{ scope, key, policy, cost: 3 }], charge: true };
    const { outcome, writes } = decideEntries(admission, [entry], nowMs);
    expect(await store.decide(admission, { nowMs })).toEqual(outcome);
    expect(await store.atomicUpdate(scope + key, () => undefined)).toEqual(writes[0]?.state ?? entry);
    if (outcome.allowed) break;
  }
});
