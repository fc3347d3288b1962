import fc from "fast-check";
import { expect, it } from "vitest";
import type { ExportedEntry } from "../../src/store/index.js";
import { importDistinct } from "../../src/store/kit/import-pages.js";

it("writes the first entry of each name, and returns the duplicates and those that the store did not write, in order", async () => {
  const keys = fc.array(fc.constantFrom("a", "A", "b", "B", "c", "d"), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(keys, fc.constantFrom("a", "b", "none"), async (keys, taken) => {
      const entries = keys.map((key, state): ExportedEntry => ({ key, state, expiresAtMs: 1 }));
      const nameOf = ({ key }: ExportedEntry) => key.toLowerCase();
      const written: ExportedEntry[] = [];
      const left = await importDistinct(entries, nameOf, async (distinct) => {
        for (const [name, entry] of distinct) if (name !== taken) written.push(entry);
        return [...distinct].flatMap(([name, entry]) => (name === taken ? [entry] : []));
      });
      const isFirst = (entry: ExportedEntry) => entries.find((other) => nameOf(other) === nameOf(entry)) === entry;
      expect(written).toEqual(entries.filter((entry) => isFirst(entry) && nameOf(entry) !== taken));
      expect(left).toEqual(entries.filter((entry) => !written.includes(entry)));
    }),
  );
});

it("does not call the store without entries", async () => {
  expect(
    await importDistinct(
      [],
      () => "",
      () => Promise.reject(new Error("asked")),
    ),
  ).toEqual([]);
});
