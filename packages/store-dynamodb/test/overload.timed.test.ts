import { createLimiter, type Policy } from "@sluice/core";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { startFaultyProxy } from "./faulty-proxy.js";
import { askAtRate, countOf } from "./load.js";
import { policiesOf } from "./policies.js";
import { ownServerWithTable } from "./server.js";

const { server, openStore } = await ownServerWithTable();
const proxy = await startFaultyProxy(server.url);
afterAll(() => proxy.stop());
afterEach(() => {
  proxy.delayMs = 0;
});

/** A long delay, so that a busy machine adds little to it. */
const DELAY_MS = 800;
const CONCURRENCY = 20;
const CAPACITY = CONCURRENCY / (DELAY_MS / 1_000);

/** A limiter with a separate store and client that have made requests. */
async function openLimiter(prefix: string, algorithm: string) {
  const policies = (policiesOf[algorithm] as (limit: number) => Policy)(100_000);
  const { store, requests } = openStore({ concurrency: CONCURRENCY }, { endpoint: proxy.url, maxAttempts: 1 });
  const patient = createLimiter({ store, policies, prefix, timeout: "10s" });
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: CONCURRENCY }, (_, i) => patient.consume(`warm ${i}`)));
  }
  requests.take();
  proxy.delayMs = DELAY_MS;
  return { limiter: createLimiter({ store, policies, prefix, timeout: 2 * DELAY_MS }), requests };
}

describe("a slow DynamoDB", () => {
  it.each([1.2, 2])("decides near its capacity if it gets %s times as many requests", async (factor) => {
    const { limiter, requests } = await openLimiter(`overload ${factor}`, "fixed-window");
    const seconds = 4;
    const load = { perSecond: CAPACITY * factor, forMs: seconds * 1_000, keyOf: (i: number) => `client ${i}` };
    const timed = await askAtRate(limiter, load);
    const decided = countOf(timed, "store");
    expect(decided).toBeGreaterThan(0.6 * CAPACITY * seconds);
    // The other calls were rejected without being sent, except for a few with unusually slow answers.
    expect(requests.total()).toBeLessThan(1.25 * decided);
  });

  it.each(["fixed-window", "sliding-window"])("decides for one busy client, with a %s", async (algorithm) => {
    const { limiter, requests } = await openLimiter(`busy ${algorithm}`, algorithm);
    const timed = await askAtRate(limiter, { perSecond: 50, forMs: 3_000, keyOf: () => "busy" });
    expect(countOf(timed, "store")).toBeGreaterThan(0.8 * timed.length);
    expect(requests.total()).toBeLessThan(0.5 * timed.length);
  });
});
