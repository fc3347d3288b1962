import { describe, expect, it } from "vitest";
import { epochAfter, epochBefore, timeOf } from "../../src/algorithm/epoch.js";

describe.each([0, 1, 1_700_000_000_000, 2 ** 45 - 1])("the names of windows that start at %i", (nowMs) => {
  const names = [nowMs];
  while (names.length < 256) names.push(epochAfter(names.at(-1)!, nowMs));

  it("are 256 different whole numbers, and then repeat", () => {
    expect(new Set(names).size).toBe(256);
    expect(names.every((name) => Number.isSafeInteger(name))).toBe(true);
    expect(epochAfter(names.at(-1)!, nowMs)).toBe(nowMs);
  });

  it("contain the start time", () => {
    expect(new Set(names.map(timeOf))).toEqual(new Set([nowMs]));
  });

  it("follow the name that epochBefore returns", () => {
    for (const name of names) expect(epochAfter(epochBefore(name), nowMs)).toBe(name);
  });

  it("equal the start time if the window before started at another time", () => {
    for (const name of names) expect(epochAfter(name, nowMs + 1)).toBe(nowMs + 1);
  });
});
