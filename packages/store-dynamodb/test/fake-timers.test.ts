import { createLimiter, fixedWindow } from "@sluice/core";
import { afterEach, expect, it, vi } from "vitest";
import { serverWithTable } from "./server.js";

const { openStore } = await serverWithTable();
afterEach(() => vi.useRealTimers());

const policies = fixedWindow({ limit: 1_000, window: "1h" });

it.each([false, true])("decides while all timers are fake, with a new store %s, and afterwards", async (isNew) => {
  const prefix = `fake ${isNew}`;
  const { store } = openStore();
  const limiter = createLimiter({ store, policies, prefix, timeout: "5s" });
  if (!isNew) for (let i = 0; i < 5; i++) await limiter.consume(`client ${i}`);
  // Fakes all but `nextTick`, which Node's sockets need in any test.
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "Date", "performance"] });
  for (let round = 0; round < 3; round++) {
    const decisions = await Promise.all(Array.from({ length: 20 }, (_, i) => limiter.consume(`client ${i % 4}`)));
    for (const { source, error } of decisions) expect(source, String(error)).toBe("store");
    vi.advanceTimersByTime(3_600_000);
  }
  vi.useRealTimers();
  for (let i = 0; i < 4; i++) expect(await limiter.consume(`client ${i}`)).toMatchObject({ source: "store" });
});
