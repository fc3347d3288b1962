import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Duration, MAX_DURATION_MS, parseDuration } from "../src/duration.js";

describe("parseDuration", () => {
  it.each([
    ["1ms", 1],
    ["250ms", 250],
    ["10s", 10_000],
    ["1m", 60_000],
    ["1h", 3_600_000],
    ["90d", 7_776_000_000],
    ["007s", 7_000],
    ["10 s", 10_000],
    [1, 1],
    [MAX_DURATION_MS, MAX_DURATION_MS],
  ] as const)("reads %s as %i ms", (duration, ms) => {
    expect(parseDuration(duration, "window")).toBe(ms);
  });

  it.each([
    0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    MAX_DURATION_MS + 1,
    "0s",
    "-1s",
    "1.5s",
    "1e3ms",
    " 1s",
    "1s ",
    "1  s",
    "1S",
    "s",
    "",
    "1",
    "1w",
    "1s1s",
    "١s",
    "100000d",
    "99999999999999999999999d",
    null,
    undefined,
    true,
    {},
    [],
    [1000],
    10n,
  ])("refuses %s", (value) => {
    const read = () => parseDuration(value as Duration, "window");
    expect(read).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    expect(read).toThrow(/option "window" must be whole milliseconds from 1 to 137438953472, .*, got /);
  });

  it("multiplies the number by its unit", () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_500 }), fc.constantFrom(...Object.keys(units)), (count, unit) => {
        const ms = count * units[unit as keyof typeof units];
        expect(parseDuration(`${count}${unit}` as Duration, "window")).toBe(ms);
        expect(parseDuration(ms, "window")).toBe(ms);
      }),
    );
  });
});
