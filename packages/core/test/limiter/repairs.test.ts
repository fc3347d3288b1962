import { expect, it } from "vitest";
import { createLimiter, fixedWindow, type Store, tokenBucket } from "../../src/index.js";
import { threeMethodStore } from "../fixtures/map-store.js";

const HOUR_MS = 3_600_000;

function clockAt(startMs: number) {
  const clock = { ms: startMs, nowMs: () => clock.ms, sleep: () => Promise.reject(new Error("nothing sleeps here")) };
  return clock;
}

/** A store with three methods that can refuse writes and counts them. */
function refusingStore(): { store: Store; refuses: boolean; writes: number } {
  const inner = threeMethodStore();
  const state = {
    refuses: false,
    writes: 0,
    store: {
      ...inner,
      atomicUpdate: (key, update, options) =>
        inner.atomicUpdate<never>(
          key,
          (before, nowMs) => {
            const next = update(before, nowMs);
            if (next === undefined) return undefined;
            if (state.refuses) throw new Error("it takes no writes");
            state.writes++;
            return next as never;
          },
          options,
        ),
    } as Store,
  };
  return state;
}

it("writes one repair for each clock step, and none for later denials", async () => {
  const clock = clockAt(1_700_000_000_000);
  const refusing = refusingStore();
  const policies = [fixedWindow({ name: "window", limit: 2, window: 1_000 }), tokenBucket({ name: "bucket", rate: 5 })];
  const limiter = createLimiter({ store: refusing.store, policies, clock });
  await limiter.consume("somebody", { cost: 2 });
  for (const step of [-HOUR_MS, -24 * HOUR_MS]) {
    clock.ms += step;
    refusing.writes = 0;
    for (let i = 0; i < 5; i++) {
      expect(await limiter.consume("somebody")).toMatchObject({ allowed: false, retryAfterMs: 1_000 - i });
      await limiter.peek("somebody");
      clock.ms++;
    }
    expect(refusing.writes).toBe(1);
  }
});

it("decides without the repair if the store refuses to write it, so that only charges fail", async () => {
  const clock = clockAt(1_700_000_000_000);
  const refusing = refusingStore();
  const limiter = createLimiter({
    store: refusing.store,
    policies: fixedWindow({ limit: 2, window: 1_000 }),
    clock,
    failOpen: true,
  });
  await limiter.consume("spent", { cost: 2 });
  await limiter.consume("half spent");
  refusing.refuses = true;
  clock.ms -= HOUR_MS;
  expect(await limiter.consume("spent")).toMatchObject({ allowed: false, source: "store", retryAfterMs: 1_000 });
  expect(await limiter.peek("half spent")).toMatchObject({ allowed: true, source: "store", remaining: 1 });
  expect(await limiter.consume("half spent")).toMatchObject({ allowed: true, source: "failOpen" });
});
