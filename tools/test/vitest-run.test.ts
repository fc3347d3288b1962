import { expect, test } from "vitest";
import { countsOf } from "../lib/vitest-run.mjs";

const passed = { status: "passed", fullName: "a" };
const failed = { status: "failed", fullName: "b" };
const skipped = { status: "skipped", fullName: "c" };
const file = (status: string, ...assertionResults: (typeof passed)[]) => ({ status, assertionResults });

test.each([
  ["passed, failed and skipped tests", false, [file("failed", passed, failed, skipped)], [1, 1, ["c"]]],
  ["a file that did not load", false, [file("passed", passed), file("failed")], [1, 1, []]],
  ["a file whose hook failed", false, [file("failed", skipped), file("passed", passed)], [1, 1, ["c"]]],
  ["an unhandled error", false, [file("passed", passed)], [1, 1, []]],
  ["no test at all", true, [], [0, 1, []]],
  ["only skipped tests", true, [file("passed", skipped)], [0, 1, ["c"]]],
  ["all passed", true, [file("passed", passed, passed)], [2, 0, []]],
] as const)("counts %s", (_, ok, testResults, [passedCount, failedCount, skippedNames]) => {
  const { passed, failed, skipped, failures } = countsOf(ok, { testResults: testResults.map((one) => ({ ...one })) });
  expect({ passed, failed, skipped }).toEqual({ passed: passedCount, failed: failedCount, skipped: skippedNames });
  expect(failures).toHaveLength(failedCount);
});

test("counts a missing report as a failure", () => {
  expect(countsOf(true, undefined)).toMatchObject({ passed: 0, failed: 1, skipped: [] });
});

test("names each failure by its file, test and first line of the error", () => {
  const inTest = { ...failed, failureMessages: ["Error: no\n    at b.test.ts:1"] };
  const name = `${process.cwd()}/core/b.test.ts`;
  const { failures } = countsOf(false, {
    testResults: [
      { name, ...file("failed", passed, inTest) },
      { name, message: "SyntaxError: odd\n  1 | (", ...file("failed") },
    ],
  });
  expect(failures).toEqual(["core/b.test.ts: b: Error: no", "core/b.test.ts: SyntaxError: odd"]);
});

test("names each test that passed only on a retry", () => {
  const again = { ...passed, failureMessages: ["Error: late\n    at a.test.ts:1"] };
  const name = `${process.cwd()}/core/a.test.ts`;
  const counts = countsOf(true, { testResults: [{ name, ...file("passed", passed, again) }] });
  expect(counts).toMatchObject({ passed: 2, failed: 0, failures: [], retried: ["core/a.test.ts: a: Error: late"] });
});
