import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createLimiter,
  fixedWindow,
  type Policy,
  type Store,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "@sluice/core";
import { startDynamodb } from "@sluice/servers";
import { openStore } from "@sluice/storage";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";

const HOUR_MS = 3_600_000;
const LIMIT = 10;
const WINDOW_MS = 24 * HOUR_MS;

/** Stores that use the clock of this process. Redis and Postgres use their own. */
const stores: Readonly<Record<string, () => Promise<Store>>> = {
  memory: () => openStore("memory:"),
  async SQLite() {
    const folder = mkdtempSync(join(tmpdir(), "sluice-clock-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return openStore(`sqlite:${join(folder, "limits.db")}`, { createSchema: true });
  },
  async DynamoDB() {
    const server = await startDynamodb();
    onTestFinished(() => server.stop());
    const query = new URLSearchParams({ region: "local", endpoint: server.url });
    return openStore(`dynamodb://local:local@limits?${query}`, { createSchema: true });
  },
};

const policies: readonly Policy[] = [
  tokenBucket({ name: "bucket", rate: LIMIT, interval: WINDOW_MS }),
  fixedWindow({ name: "fixed", limit: LIMIT, window: WINDOW_MS }),
  slidingWindow({ name: "sliding", limit: LIMIT, window: WINDOW_MS }),
  slidingLog({ name: "log", limit: LIMIT, window: WINDOW_MS }),
];

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(Object.entries(stores))("when the clock steps by an hour, %s", (_, open) => {
  it("admits nothing twice and continues to admit", async () => {
    const store = await open();
    onTestFinished(() => store.close());
    const realNow = Date.now.bind(Date);
    let stepMs = 0;
    vi.spyOn(Date, "now").mockImplementation(() => realNow() + stepMs);
    for (const policy of policies) {
      const limiter = createLimiter({ store, policies: policy, timeout: "20s", denyCache: false });
      const admitted = async (count: number): Promise<number> => {
        const decisions = await Promise.all(Array.from({ length: count }, () => limiter.consume("somebody")));
        for (const { error } of decisions) if (error !== undefined) throw error;
        return decisions.filter(({ allowed }) => allowed).length;
      };
      stepMs = 0;
      let all = await admitted(4);
      for (const step of [-HOUR_MS, 0, HOUR_MS, 0]) {
        stepMs = step;
        all += await admitted(3);
      }
      // In an hour, less than one unit is restored, even in the bucket.
      expect(all, policy.name).toBe(LIMIT);
      expect(await admitted(1), policy.name).toBe(0);
      stepMs = 3 * WINDOW_MS;
      expect(await admitted(LIMIT + 1), policy.name).toBe(LIMIT);
    }
  });
});
