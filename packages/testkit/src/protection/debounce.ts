import { deepStrictEqual, equal } from "node:assert/strict";
import { manualClock } from "../manual-clock.js";
import type { ProtectionContext } from "./protection-context.js";
import { PATIENT } from "./protections.js";

const HANDLES = 4;

/** Pairs that would be equal if key and fingerprint were only concatenated. */
const ALIKE: readonly (readonly [key: string, fingerprint?: string])[] = [
  ["a"],
  ["a", ""],
  ["a|", ""],
  ["a", "|"],
  ["a|b", "c"],
  ["a", "b|c"],
  ["a\\", "b"],
  ["a", "\\b"],
  ["a:b"],
  ["a", ":b"],
];

const ODD: readonly string[] = ["__proto__", "\0", "{a}", "x".repeat(5_000), "\ud800", "\udc00", "😀", " ", "#a"];

/** Only the first request opens a window. */
export function debounceGroup({ test, protections: { createDebouncer } }: ProtectionContext): void {
  test("the first request is not a duplicate, and the next ones are", async ({ open, prefix }) => {
    const debouncer = createDebouncer({ store: await open(), prefix, window: "1h", timeout: PATIENT });
    const asked = [["ann", "1"], ["ann", "1"], ["ann", "2"], ["bob", "1"], ["ann", "1"], ["ann"], ["ann"]] as const;
    const results: boolean[] = [];
    for (const [key, fingerprint] of asked) results.push(await debouncer.seen(key, fingerprint));
    deepStrictEqual(results, [false, true, false, false, true, false, true]);
  });

  test("repeats do not extend the window, which ends at its time", async ({ open, prefix }) => {
    const clock = manualClock(1_700_000_000_000);
    const debouncer = createDebouncer({ store: await open(), prefix, window: 10_000, clock, timeout: PATIENT });
    const results: [ms: number, duplicate: boolean][] = [];
    for (const ms of [0, 1, 5_000, 9_998, 9_999, 10_000, 10_001, 19_999, 20_000, 29_999, 40_000]) {
      await clock.advance(1_700_000_000_000 + ms - clock.nowMs());
      results.push([ms, await debouncer.seen("ann", "1")]);
    }
    deepStrictEqual(
      results.filter(([, duplicate]) => !duplicate).map(([ms]) => ms),
      [0, 10_000, 20_000, 40_000],
    );
  });

  test("different pairs of key and fingerprint are distinct", async ({ open, prefix }) => {
    const debouncer = createDebouncer({ store: await open(), prefix, window: "1h", timeout: PATIENT });
    const pairs = [...ALIKE, ...ODD.flatMap((odd) => [[odd], ["ann", odd], [odd, "1"]] as const)];
    const results: boolean[] = [];
    for (const [key, fingerprint] of pairs) results.push(await debouncer.seen(key, fingerprint));
    deepStrictEqual(results, new Array(pairs.length).fill(false));
    const again = await Promise.all(pairs.map(([key, fingerprint]) => debouncer.seen(key, fingerprint)));
    deepStrictEqual(again, new Array(pairs.length).fill(true));
  });

  test("exactly one of 100 concurrent requests on several handles is not a duplicate", async ({
    openSeveral,
    prefix,
  }) => {
    const debouncers = (await openSeveral(HANDLES)).map((store) =>
      createDebouncer({ store, prefix, window: "1h", timeout: PATIENT }),
    );
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => (debouncers[i % HANDLES] as (typeof debouncers)[0]).seen("ann", "1")),
    );
    equal(results.filter((duplicate) => !duplicate).length, 1);
  });

  test("the next request after forget is not a duplicate", async ({ open, prefix }) => {
    const debouncer = createDebouncer({ store: await open(), prefix, window: "1h", timeout: PATIENT });
    await debouncer.forget("ann", "1");
    equal(await debouncer.seen("ann", "1"), false);
    equal(await debouncer.seen("ann", "2"), false);
    await debouncer.forget("ann", "1");
    equal(await debouncer.seen("ann", "1"), false);
    equal(await debouncer.seen("ann", "1"), true);
    equal(await debouncer.seen("ann", "2"), true);
  });
}
