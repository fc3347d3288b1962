import { describe, expect, it } from "vitest";
import { median, ratiosOf, rowsOf } from "../src/report.js";
import { rotated } from "../src/rounds.js";
import type { Case } from "../src/suite.js";
import { tableOf } from "../src/table.js";

function rate(id: string): Case {
  return { id, name: `name of ${id}`, unit: "decisions/s", start: async () => ({ run: async () => 0 }) };
}

function measured(values: Record<string, readonly number[]>) {
  const measurements = new Map(Object.entries(values));
  return { rows: rowsOf(Object.keys(values).map(rate), measurements), measurements };
}

describe("median", () => {
  it("is the one in the middle, by value and not as text", () => {
    expect(median([10, 9, 100])).toBe(10);
  });

  it("is halfway between the two in the middle", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it("leaves the measurements in their order", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it("refuses no measurements", () => {
    expect(() => median([])).toThrow("no median");
  });
});

describe("rows", () => {
  it("have median, min and max", () => {
    expect(measured({ a: [5, 1, 3] }).rows).toEqual([
      { id: "a", name: "name of a", unit: "decisions/s", median: 3, min: 1, max: 5 },
    ]);
  });

  it("include the other numbers of a case", () => {
    const one: Case = { ...rate("a"), also: [{ id: "a.cpu", name: "CPU", unit: "µs" }] };
    const measurements = new Map([
      ["a", [1]],
      ["a.cpu", [2]],
    ]);
    expect(rowsOf([one], measurements).map(({ id, unit, median }) => [id, unit, median])).toEqual([
      ["a", "decisions/s", 1],
      ["a.cpu", "µs", 2],
    ]);
  });
});

describe("ratios", () => {
  const { rows, measurements } = measured({ ours: [30, 20, 10], slow: [4, 4, 4], fast: [10, 8, 1] });

  it("are against the fastest of several, and name it", () => {
    expect(ratiosOf([{ id: "peer", of: "ours", against: ["slow", "fast"] }], rows, measurements)).toEqual([
      { id: "peer", value: 3, of: "ours", against: "fast" },
    ]);
  });

  it("compare what was measured together, so that a slow phase of the machine changes nothing", () => {
    const slower = measured({ ours: [100, 90, 10], other: [50, 30, 5] });
    expect(ratiosOf([{ id: "peer", of: "ours", against: ["other"] }], slower.rows, slower.measurements)).toEqual([
      { id: "peer", value: 2, of: "ours", against: "other" },
    ]);
  });

  it("are left out where a row was not measured", () => {
    const partly = [
      { id: "peer", of: "ours", against: ["slow", "absent"] },
      { id: "floor", of: "absent", against: ["slow"] },
    ];
    expect(ratiosOf(partly, rows, measurements)).toEqual([]);
  });
});

describe("rounds", () => {
  it("start with another case each, and keep the order", () => {
    expect([0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""))).toEqual(["abc", "bca", "cab", "abc"]);
    expect(rotated([], 3)).toEqual([]);
  });
});

describe("the table", () => {
  it("has a line for each row and each ratio, with columns in line", () => {
    const { rows, measurements } = measured({ ours: [1_234_567.8], other: [1] });
    const text = tableOf({
      suite: "memory",
      environment: {
        date: "2026-01-01T00:00:00.000Z",
        node: "20.0.0",
        platform: "linux x64",
        cpu: "a processor",
        cores: 2,
        loadAverage: { start: 0.1, end: 1 },
        versions: {},
        rounds: 1,
        freshProcesses: false,
        durationMs: 50,
        coresAwake: false,
        quick: true,
      },
      rows,
      ratios: ratiosOf([{ id: "peer", of: "ours", against: ["other"] }], rows, measurements),
    });
    expect(text).toContain("name of ours   decisions/s  1,234,568  1,234,568  1,234,568");
    expect(text).toContain("name of other  decisions/s        1.0        1.0        1.0");
    expect(text).toMatch(/^peer +1234567\.80 {2}ours {2}other$/m);
  });
});
