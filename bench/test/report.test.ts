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
  it("is the middle value in numeric order", () => {
    expect(median([10, 9, 100])).toBe(10);
  });

  it("is the mean of two middle values", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it("does not sort its input", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it("rejects an empty list", () => {
    expect(() => median([])).toThrow("no median");
  });
});

describe("rows", () => {
  it("have median, min and max", () => {
    expect(measured({ a: [5, 1, 3] }).rows).toEqual([
      { id: "a", name: "name of a", unit: "decisions/s", median: 3, min: 1, max: 5 },
    ]);
  });

  it("include the further numbers of a case", () => {
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

  it("use the fastest of several rivals, and name it", () => {
    expect(ratiosOf([{ id: "peer", of: "ours", against: ["slow", "fast"] }], rows, measurements)).toEqual([
      { id: "peer", value: 3, of: "ours", against: "fast" },
    ]);
  });

  it("compare values of the same round, so that slow phases of the machine cancel out", () => {
    const slower = measured({ ours: [100, 90, 10], other: [50, 30, 5] });
    expect(ratiosOf([{ id: "peer", of: "ours", against: ["other"] }], slower.rows, slower.measurements)).toEqual([
      { id: "peer", value: 2, of: "ours", against: "other" },
    ]);
  });

  it("are omitted if a row was not measured", () => {
    const partly = [
      { id: "peer", of: "ours", against: ["slow", "absent"] },
      { id: "floor", of: "absent", against: ["slow"] },
    ];
    expect(ratiosOf(partly, rows, measurements)).toEqual([]);
  });
});

describe("rounds", () => {
  it("start with a different case each, in the same order", () => {
    expect([0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""))).toEqual(["abc", "bca", "cab", "abc"]);
    expect(rotated([], 3)).toEqual([]);
  });
});

describe("the table", () => {
  it("has an aligned line for each row and each ratio", () => {
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
