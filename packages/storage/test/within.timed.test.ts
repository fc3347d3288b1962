import type { Store } from "@sluice/core";
import { asynchronous } from "@sluice/core/store";
import { createBlocklist } from "@sluice/protections";
import { describe, expect, it } from "vitest";
import { within } from "../src/open/open-store.js";

/** Starts the work after a long turn of the event loop. A timer would count from the start of that turn. */
async function late<T>(work: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  for (const startMs = performance.now(); performance.now() - startMs < 30; );
  return work();
}

/** The milliseconds until the work is rejected with a timeout. */
async function timedOutMs(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await expect(work()).rejects.toMatchObject({ code: "STORE_TIMEOUT" });
  return performance.now() - startMs;
}

describe("a timeout", () => {
  it("never ends early", async () => {
    const never = new Promise<never>(() => {});
    for (let i = 0; i < 5; i++) {
      expect(await late(() => timedOutMs(() => within(never, 40)))).toBeGreaterThanOrEqual(40);
    }
  });

  it("never ends early for a protection, and sets the store's deadline", async () => {
    let deadlineMs: number | undefined;
    const store: Store = {
      asynchronous,
      atomicUpdate(_key, _update, options) {
        deadlineMs = options?.deadlineMs;
        return new Promise<never>(() => {});
      },
      delete: () => new Promise<never>(() => {}),
      close: async () => {},
    };
    const blocklist = createBlocklist({ store, timeout: 40 });
    for (let i = 0; i < 5; i++) {
      const tookMs = await late(() => {
        const dueMs = performance.now() + 40;
        return timedOutMs(() => {
          const call = blocklist.findBlock("somebody");
          expect(Math.abs((deadlineMs ?? 0) - dueMs)).toBeLessThan(30);
          return call;
        });
      });
      expect(tookMs).toBeGreaterThanOrEqual(40);
    }
  });

  it("accepts an answer that arrived while the event loop was blocked", async () => {
    const answer = new Promise<string>((resolve) => setTimeout(() => setImmediate(resolve, "here"), 5));
    const limited = within(answer, 20);
    await new Promise((resolve) => setTimeout(resolve, 1));
    for (const startMs = performance.now(); performance.now() - startMs < 60; );
    expect(await limited).toBe("here");
  });
});
