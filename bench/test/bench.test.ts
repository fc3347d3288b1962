import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Report } from "../src/report.js";
import { memory } from "../src/suites/memory.js";

const main = join(import.meta.dirname, "../dist/main.js");
const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));

afterAll(() => rmSync(folder, { recursive: true }));

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

it("uses a new process for each measurement of an HTTP suite", { timeout: 60_000 }, async () => {
  const file = join(folder, "http.json");
  const args = ["http", "--quick", "--rounds", "2", "--only", "http.koa.two-fields", "--json", file];
  const [exitCode] = await once(start(...args), "exit");
  expect(exitCode).toBe(0);

  const report: Report = JSON.parse(readFileSync(file, "utf8"));
  expect(report.environment).toMatchObject({ rounds: 2, freshProcesses: true, quick: true });
  expect(report.rows.map(({ id }) => id)).toEqual(["http.koa.two-fields", "http.koa.two-fields.cpu"]);
  for (const { min } of report.rows) expect(min).toBeGreaterThan(0);
});

it.each(["redis", "postgres", "sqlite", "dynamodb"])("measures a store on %s", { timeout: 60_000 }, async (suite) => {
  const file = join(folder, `${suite}.json`);
  const [exitCode] = await once(start(suite, "--quick", "--only", `${suite}.sluice.hot`, "--json", file), "exit");
  expect(exitCode).toBe(0);
  const report: Report = JSON.parse(readFileSync(file, "utf8"));
  expect(report.rows.map(({ id }) => id)).toContainEqual(expect.stringContaining(`${suite}.sluice.hot`));
});

describe("the memory suite", () => {
  it("writes every row and every ratio as JSON", { timeout: 60_000 }, async () => {
    const file = join(folder, "memory.json");
    const [exitCode] = await once(start("memory", "--quick", "--json", file), "exit");
    expect(exitCode).toBe(0);

    const report: Report = JSON.parse(readFileSync(file, "utf8"));
    expect(report.suite).toBe("memory");
    expect(report.environment).toMatchObject({ node: process.versions.node, rounds: 1, quick: true });
    expect(report.environment.versions).toMatchObject({
      "express-rate-limit": expect.stringMatching(/^\d+\.\d+\.\d+$/),
      "rate-limiter-flexible": expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
    expect(report.rows.map(({ id, name, unit }) => ({ id, name, unit }))).toEqual(
      memory.cases.map(({ id, name, unit }) => ({ id, name, unit })),
    );
    for (const { median, min, max } of report.rows) {
      expect(min).toBeGreaterThan(0);
      expect(median).toBeGreaterThanOrEqual(min);
      expect(max).toBeGreaterThanOrEqual(median);
    }
    const medians = new Map(report.rows.map(({ id, median }) => [id, median]));
    expect(report.ratios.map(({ id }) => id)).toEqual(
      expect.arrayContaining(["memory.peer", "memory.sync.peer", "memory.floor"]),
    );
    for (const { value, of, against } of report.ratios) {
      expect(value).toBe((medians.get(of) ?? Number.NaN) / (medians.get(against) ?? Number.NaN));
    }
  });
});

describe("a run", () => {
  it("stops its processes when it is interrupted", { timeout: 30_000 }, async () => {
    const bench = start("memory", "--only", "memory.map", "--rounds", "1000");
    let output = "";
    bench.stderr?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("round 1 ")) bench.kill("SIGINT");
    });
    // "close" is emitted when no process holds the output any more, so all of them have ended.
    const [exitCode] = await once(bench, "close");
    expect(exitCode).toBe(130);
  });

  it("prints an error for invalid arguments", async () => {
    const bench = start("sqlserver");
    let output = "";
    bench.stderr?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    const [exitCode] = await once(bench, "close");
    expect(exitCode).toBe(2);
    expect(output).toContain('no suite "sqlserver"');
  });

  it("fails when no case matches", async () => {
    const [exitCode] = await once(start("memory", "--only", "nothing"), "exit");
    expect(exitCode).toBe(1);
  });
});
