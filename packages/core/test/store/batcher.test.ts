import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/index.js";
import { type BatcherOptions, createBatcher } from "../../src/store/kit/index.js";

interface Batch {
  readonly items: readonly number[];
  resolve(results?: readonly (number | SluiceError)[]): void;
  reject(error: unknown): void;
}

/** A batcher whose batches stay in flight until the test settles them. The result of an item is its double. */
function heldBatcher(options: Partial<BatcherOptions<number, number>> = {}) {
  const batches: Batch[] = [];
  const batcher = createBatcher<number, number>({
    run: (items) =>
      new Promise((resolve, reject) => {
        batches.push({ items, resolve: (results) => resolve(results ?? items.map((item) => item * 2)), reject });
      }),
    ...options,
  });
  return { batcher, batches };
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

describe("createBatcher", () => {
  it("sends the items of one turn in one batch, and returns to each its own result", async () => {
    const { batcher, batches } = heldBatcher();
    const results = Promise.all(numbers(10).map((item) => batcher.add(item)));
    expect(batches).toHaveLength(0);
    await setImmediate();
    expect(batches.map(({ items }) => items)).toEqual([numbers(10)]);
    batches[0]!.resolve();
    expect(await results).toEqual(numbers(10).map((item) => item * 2));
  });

  it("lets callers that continue after the same batch share the next one", async () => {
    const { batcher, batches } = heldBatcher({ maxInFlight: 1 });
    const twice = async (item: number) => batcher.add(await batcher.add(item));
    const results = Promise.all(numbers(5).map(twice));
    await setImmediate();
    batches[0]!.resolve();
    await setImmediate();
    expect(batches.map(({ items }) => items)).toEqual([
      [0, 1, 2, 3, 4],
      [0, 2, 4, 6, 8],
    ]);
    batches[1]!.resolve();
    expect(await results).toEqual([0, 4, 8, 12, 16]);
  });

  it("waits for callers that continue one microtask later", async () => {
    const { batcher, batches } = heldBatcher({ maxInFlight: 1 });
    const again = async (item: number) => {
      const result = await batcher.add(item);
      if (item % 2 === 0) await undefined;
      return batcher.add(result);
    };
    void Promise.all(numbers(4).map(again));
    await setImmediate();
    batches[0]!.resolve();
    await setImmediate();
    expect(batches.map(({ items }) => items.length)).toEqual([4, 4]);
  });

  it("limits the batches in flight, and fills the next one in the meantime", async () => {
    const { batcher, batches } = heldBatcher({ maxInFlight: 2 });
    const results: Promise<number>[] = [];
    for (const item of [1, 2, 3, 4, 5]) {
      results.push(batcher.add(item));
      await setImmediate();
    }
    expect(batches.map(({ items }) => items)).toEqual([[1], [2]]);
    batches[1]!.resolve();
    await setImmediate();
    expect(batches.map(({ items }) => items)).toEqual([[1], [2], [3, 4, 5]]);
    batches[0]!.resolve();
    batches[2]!.resolve();
    expect(await Promise.all(results)).toEqual([2, 4, 6, 8, 10]);
  });

  it("splits items into several batches if there are enough of them", async () => {
    for (const [worthSplitting, count, sizes] of [
      [16, 16, [16]],
      [16, 40, [20, 20]],
      [64, 40, [40]],
      [64, 100, [64, 36]],
    ] as const) {
      const { batcher, batches } = heldBatcher({ worthSplitting });
      void Promise.all(numbers(count).map((item) => batcher.add(item)));
      await setImmediate();
      expect(batches.map(({ items }) => items.length)).toEqual(sizes);
    }
  });

  it("splits items beyond the largest batch, in order", async () => {
    const { batcher, batches } = heldBatcher({ maxSize: 20, maxInFlight: 2 });
    const results = Promise.all(numbers(50).map((item) => batcher.add(item)));
    await setImmediate();
    expect(batches.map(({ items }) => items)).toEqual([numbers(20), numbers(20, 20)]);
    for (const batch of batches) batch.resolve();
    await setImmediate();
    expect(batches[2]?.items).toEqual(numbers(10, 40));
    batches[2]!.resolve();
    expect(await results).toEqual(numbers(50).map((item) => item * 2));
  });

  it("sends many items together unless the option for splitting is set", async () => {
    const { batcher, batches } = heldBatcher({ maxInFlight: 2 });
    void Promise.all(numbers(100).map((item) => batcher.add(item)));
    await setImmediate();
    expect(batches.map(({ items }) => items.length)).toEqual([100]);
  });

  it("fails only the batch whose run rejects", async () => {
    const { batcher, batches } = heldBatcher();
    const first = Promise.allSettled([batcher.add(1), batcher.add(2)]);
    await setImmediate();
    const second = batcher.add(3);
    await setImmediate();
    const down = new Error("down");
    batches[0]!.reject(down);
    batches[1]!.resolve();
    expect(await first).toEqual([
      { status: "rejected", reason: down },
      { status: "rejected", reason: down },
    ]);
    expect(await second).toBe(6);
  });

  it("fails only the item whose result is an error", async () => {
    const { batcher, batches } = heldBatcher();
    const results = Promise.allSettled([batcher.add(1), batcher.add(2), batcher.add(3)]);
    await setImmediate();
    const unreadable = new SluiceError("STORE_STATE_UNREADABLE", "no");
    batches[0]!.resolve([2, unreadable, 6]);
    expect(await results).toEqual([
      { status: "fulfilled", value: 2 },
      { status: "rejected", reason: unreadable },
      { status: "fulfilled", value: 6 },
    ]);
  });

  it("continues after a run that throws", async () => {
    let runs = 0;
    const batcher = createBatcher<number, number>({
      run(items) {
        if (++runs === 1) throw new TypeError("not connected");
        return Promise.resolve(items);
      },
      maxInFlight: 1,
    });
    await expect(batcher.add(1)).rejects.toThrow("not connected");
    expect(await batcher.add(2)).toBe(2);
  });

  it("rejects items whose deadline has passed, and sends the others", async () => {
    const { batcher, batches } = heldBatcher({ maxInFlight: 1 });
    const first = batcher.add(1);
    await setImmediate();
    const late = expect(batcher.add(2, performance.now() + 5)).rejects.toMatchObject({ code: "STORE_TIMEOUT" });
    const patient = batcher.add(3, performance.now() + 60_000);
    await sleep(10);
    batches[0]!.resolve();
    await late;
    await setImmediate();
    expect(batches.map(({ items }) => items)).toEqual([[1], [3]]);
    batches[1]!.resolve();
    expect(await Promise.all([first, patient])).toEqual([2, 6]);
  });

  it("rejects items whose deadline has passed even if nothing can be sent", async () => {
    const { batcher } = heldBatcher({ maxInFlight: 1 });
    void batcher.add(1);
    await setImmediate();
    const late = expect(batcher.add(2, performance.now() + 5)).rejects.toMatchObject({ code: "STORE_TIMEOUT" });
    await sleep(10);
    void batcher.add(3, performance.now() + 5).catch(() => {});
    await late;
  });

  it("sends a probe immediately and alone, even to a failing store", async () => {
    const sent: (readonly number[])[] = [];
    const refused = new Error("connect ECONNREFUSED");
    const batcher = createBatcher<number, number>({
      run: async (items) => {
        sent.push(items);
        throw refused;
      },
    });
    for (let i = 0; i < 5; i++) await expect(batcher.add(i)).rejects.toBe(refused);
    await expect(batcher.add(5)).rejects.toBe(refused);
    expect(sent).toHaveLength(5);
    const probes = [batcher.add(6, performance.now() + 60_000, true), batcher.add(7, undefined, true)];
    expect((await Promise.allSettled(probes)).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(sent.slice(5)).toEqual([[6], [7]]);
  });

  it("explains why an item was not sent", async () => {
    const { batcher } = heldBatcher();
    await expect(batcher.add(1, performance.now() - 1)).rejects.toThrow(
      "the store is too slow or too busy to answer in time; the call was not sent",
    );
  });
});
