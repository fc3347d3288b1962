import { expect, test } from "vitest";
import { benchmarkResults } from "../lib/benchmarks.mjs";
import { folderWith } from "./fixture.js";

const start = "<!-- results: written by `npm run generate` from bench/results -->\n";
const end = "<!-- end of results -->\n";
const readme = `# Benchmarks\n\n${start}old\n${end}\nMore.\n`;

const report = {
  suite: "redis",
  environment: {
    date: "2026-01-02T03:04:05.678Z",
    node: "20.19.0",
    cpu: "A CPU",
    cores: 2,
    rounds: 3,
    loadAverage: { start: 0.1, end: 1.5 },
    versions: { ioredis: "6.0.0" },
  },
  rows: [
    { id: "redis.sluice", name: "Sluice on <ioredis>", unit: "decisions/s", median: 123_456.7, min: 1, max: 2 },
    { id: "redis.get", name: "GET on ioredis", unit: "decisions/s", median: 61_728, min: 1, max: 2 },
  ],
  ratios: [{ id: "redis.floor", value: 1.987, of: "redis.sluice", against: "redis.get" }],
};

test("writes a table and a chart for each report, and keeps the rest of the page", () => {
  const root = folderWith({ "bench/README.md": readme, "bench/results/redis.json": JSON.stringify(report) });
  const [[page, text] = [], [image, chart] = [], ...others] = benchmarkResults(root);
  expect([page, image, others]).toEqual(["bench/README.md", "docs/images/bench-redis.svg", []]);
  expect(text).toMatch(/^# Benchmarks\n\n<!-- results.*-->\n\n### Redis, 64 callers\n/);
  expect(text).toMatch(/<!-- end of results -->\n\nMore\.\n$/);
  expect(text).toContain("(../docs/images/bench-redis.svg)");
  expect(text).toContain("| `redis.sluice` | Sluice on <ioredis> | decisions/s | 123,457 |");
  expect(text).toContain("| `redis.floor` | 1.99 |");
  expect(text).toContain("Measured on 2026-01-02 in 3 rounds, with Node.js 20.19.0 on 2 cores (A CPU)");
  expect(text).not.toContain("old");
  expect(chart).toContain("Sluice on &lt;ioredis>");
  const widths = [...(chart ?? "").matchAll(/class="(\w+)"[^>]*width="(\d+)"/g)].map(([, kind, width]) => [
    kind,
    Number(width),
  ]);
  expect(widths).toEqual([
    ["ours", 340],
    ["theirs", 170],
  ]);
});

test("changes nothing without a report", () => {
  expect(benchmarkResults(folderWith({ "bench/README.md": readme }))).toEqual([]);
  expect(benchmarkResults(folderWith({}))).toEqual([]);
});

test("refuses a page without the lines that enclose the results", () => {
  const root = folderWith({ "bench/README.md": "# Benchmarks\n" });
  expect(() => benchmarkResults(root)).toThrow("must have the lines");
});
