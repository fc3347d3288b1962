import fc from "fast-check";
import { expect, it } from "vitest";
import { rendezvous } from "../src/rendezvous.js";

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 12 });
const KEYS = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.${i & 255}.1`);

it("assigns every key one store, which depends only on the names", () => {
  fc.assert(
    fc.property(names, fc.string(), (names, key) => {
      const place = rendezvous(names)(key);
      expect(rendezvous(names.toReversed())(key)).toBe(names.length - 1 - place);
      expect(names[place]).toBeDefined();
    }),
  );
});

it("moves keys only to an added store, and those of a removed store to the others", () => {
  fc.assert(
    fc.property(names, fc.string({ minLength: 1 }), fc.array(fc.string()), (names, added, keys) => {
      fc.pre(!names.includes(added));
      const [before, after] = [rendezvous(names), rendezvous([...names, added])];
      for (const key of keys) {
        const place = after(key);
        expect(place === names.length || place === before(key)).toBe(true);
      }
    }),
  );
});

it.each([1, 2, 3, 4, 7, 15, 31])("moves 1/(n+1) of the keys when a store is added to %i", (count) => {
  const places = (count: number) => rendezvous(Array.from({ length: count }, (_, i) => String(i)));
  const [before, after] = [places(count), places(count + 1)];
  const moved = KEYS.filter((key) => before(key) !== after(key)).length;
  const share = 1 / (count + 1);
  // Five standard deviations of a fair choice.
  const most = 5 * Math.sqrt(KEYS.length * share * (1 - share));
  expect(Math.abs(moved - KEYS.length * share)).toBeLessThan(most);
});

it.each([
  ["addresses", (i: number) => `10.${i >> 8}.${i & 255}.1`],
  ["numbers", String],
  ["long keys that differ at the end", (i: number) => `${"x".repeat(100)}${i}`],
  ["long keys that differ at the start", (i: number) => `${i}${"x".repeat(100)}`],
])("spreads %s evenly", (_, keyOf) => {
  for (const names of [
    ["0", "1", "2"],
    ["eu", "us", "ap", "sa", "af"],
    Array.from({ length: 16 }, (_, i) => `s${i}`),
  ]) {
    const place = rendezvous(names);
    const counts = names.map(() => 0);
    for (let i = 0; i < KEYS.length; i++) counts[place(keyOf(i))]!++;
    const fair = KEYS.length / names.length;
    // The sum of squares is a chi-squared variable. It is below this value in all but one of ten million fair choices.
    const chiSquared = counts.reduce((sum, count) => sum + (count - fair) ** 2 / fair, 0);
    expect(chiSquared).toBeLessThan(names.length - 1 + 12 * Math.sqrt(2 * (names.length - 1)));
  }
});

it("assigns keys as every release does", () => {
  const place = rendezvous(["0", "1", "2"]);
  expect(["", "a", "user-123", "192.0.2.1", "2001:db8::", "😀", "#".repeat(65)].map(place)).toEqual([
    0, 2, 0, 1, 0, 2, 0,
  ]);
});
