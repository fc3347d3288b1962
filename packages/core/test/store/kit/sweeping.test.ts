import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { createSweeping, type NextSweepTurn, type SweepOptions } from "../../../src/store/index.js";

const none = async (): Promise<number> => 0;
const always = async (): Promise<boolean> => true;

it.each<[SweepOptions]>([[{ sweepEvery: 0 }], [{ sweepEvery: "often" as never }], [{ onSweepError: "log" as never }]])(
  "refuses %j",
  (options) => {
    expect(() => createSweeping(options, none, always)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  },
);

it.each([0, -1, 1.5, Number.NaN])("refuses the limit %d", async (limit) => {
  const { sweep } = createSweeping({}, none, always);
  await expect(sweep({ limit })).rejects.toMatchObject({ code: "INVALID_OPTION" });
});

it("sweeps up to 1,000 entries by default", async () => {
  const limits: number[] = [];
  const { sweep } = createSweeping(
    {},
    async (limit) => {
      limits.push(limit);
      return 0;
    },
    always,
  );
  await sweep();
  await sweep({ limit: 5 });
  expect(limits).toEqual([1_000, 5]);
});

it("sweeps until nothing is left whenever it has the turn, and never after stop", async () => {
  const removed: number[] = [];
  let left = 2_500;
  let turns = 0;
  const { stop } = createSweeping(
    { sweepEvery: 5 },
    async (limit) => {
      const count = Math.min(limit, left);
      left -= count;
      removed.push(count);
      return count;
    },
    async (next) => {
      expect(next(undefined, 1_000)).toEqual([1_005, 5]);
      return ++turns === 1;
    },
  );
  await vi.waitUntil(() => turns >= 4);
  stop();
  expect(removed).toEqual([1_000, 1_000, 500]);
  const before = turns;
  await sleep(20);
  expect(turns).toBeLessThanOrEqual(before + 1);
});

it("reports a failed sweep, and makes the next one", async () => {
  const errors: unknown[] = [];
  const { stop } = createSweeping(
    { sweepEvery: 1, onSweepError: (error) => errors.push(error) },
    () => Promise.reject(new Error("no table")),
    always,
  );
  await vi.waitUntil(() => errors.length >= 2);
  stop();
  expect(errors[0]).toMatchObject({ message: "no table" });
});

it("takes over an unfinished turn only if the clock has stepped back", async () => {
  let next: NextSweepTurn | undefined;
  const { stop } = createSweeping({ sweepEvery: 5 }, none, async (given) => {
    next = given;
    return false;
  });
  await vi.waitUntil(() => next !== undefined);
  stop();
  const ours = [1_005, 5];
  const cases: readonly (readonly [turn: unknown, next: unknown])[] = [
    [undefined, ours],
    [[1_003, 5], undefined],
    [[1_005, 5], undefined],
    // A turn of a process that sweeps less often.
    [[4_600, 3_600], undefined],
    [[3_601_000, 3_600], ours],
    [[1_006, 5], ours],
    // Turns of earlier releases.
    [null, undefined],
    [0, undefined],
  ];
  for (const [turn, expected] of cases) expect(next?.(turn, 1_000), JSON.stringify(turn)).toEqual(expected);
});
