import { expect, it } from "vitest";
import { createBatchers } from "../../src/store/kit/index.js";

it("sends calls of the same queue together, and calls of different queues separately", async () => {
  const batches: (readonly [string, readonly number[]])[] = [];
  const batcherOf = createBatchers<number, number>((queue) => ({
    async run(items) {
      batches.push([queue, items]);
      return items;
    },
  }));
  await Promise.all([batcherOf("a").add(1), batcherOf("b").add(2), batcherOf("a").add(3)]);
  expect(batches).toEqual([
    ["a", [1, 3]],
    ["b", [2]],
  ]);
});

it("keeps the batcher of a queue, and drops all batchers if there are too many", () => {
  let created = 0;
  const batcherOf = createBatchers(() => {
    created++;
    return { run: async () => [] };
  });
  for (let i = 0; i < 256; i++) batcherOf(String(i));
  expect(batcherOf("0")).toBe(batcherOf("0"));
  expect(created).toBe(256);
  batcherOf("one more");
  batcherOf("0");
  expect(created).toBe(258);
});
