import { afterEach, expect, it, vi } from "vitest";
import { type CompareAndSet, createUpdater } from "../../src/store/index.js";

/**
 * An entry that other processes write: during the calls that `isRaced` selects, and whenever it is not used for a
 * millisecond.
 */
function crowdedEntry(isRaced: (call: number) => boolean): { compareAndSet: CompareAndSet; calls(): number } {
  let [calls, version, state, lastMs] = [0, 1, 0, performance.now()];
  return {
    calls: () => calls,
    async compareAndSet(_, write) {
      if (performance.now() - lastMs > 1 || isRaced(++calls)) version++;
      const written = write?.over === String(version);
      if (written) [version, state] = [version + 1, write.state as number];
      lastMs = performance.now();
      return { written, nowMs: 0, state, version: String(version) };
    },
  };
}

afterEach(() => void vi.restoreAllMocks());

/** Sets the length of the pauses between tries, as a share of the longest. */
function pauseFor(share: number): void {
  vi.spyOn(Math, "random").mockReturnValue(share);
}

const addOne = (state: number | undefined) => ({ state: (state ?? 0) + 1, ttlMs: 1_000 });

it("reads again after a pause in which another process has written", async () => {
  pauseFor(0.99);
  const { compareAndSet, calls } = crowdedEntry((call) => call <= 5);
  expect(await createUpdater(compareAndSet)("key", addOne, undefined)).toBe(1);
  expect(calls()).toBeLessThan(20);
});

it("gives up without a write if others win every race", async () => {
  pauseFor(0);
  const { compareAndSet } = crowdedEntry(() => true);
  const updating = createUpdater(compareAndSet)("key", addOne, undefined);
  await expect(updating).rejects.toMatchObject({ code: "STORE_CONTENDED" });
  expect((await compareAndSet("key", undefined, undefined)).state).toBe(0);
});

it("lets updates of one key in one process take turns, so that they never race", async () => {
  const { compareAndSet, calls } = crowdedEntry(() => false);
  const update = createUpdater(compareAndSet);
  const states = await Promise.all(Array.from({ length: 50 }, () => update("key", addOne, undefined)));
  expect(states).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  expect(calls()).toBeLessThan(150);
});
