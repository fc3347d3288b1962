import { expect, test } from "vitest";
import { readmeProblems } from "../lib/readme-links.mjs";
import { folderWith } from "./fixture.js";

const homepage = "https://example.com/sluice";
const problemsOf = (readme: string) =>
  readmeProblems(
    folderWith({
      "package.json": JSON.stringify({ homepage }),
      "packages/core/README.md": readme,
      "docs/http.md": "# HTTP",
    }),
  );

test("accepts links that work on a package's npm page", () => {
  expect(problemsOf(`[a](${homepage}/blob/main/docs/http.md#x), [b](#below), [c](https://other.example)`)).toEqual([]);
  expect(problemsOf("`[code](docs/http.md)`")).toEqual([]);
});

test("reports a relative link", () => {
  expect(problemsOf("[a](../../docs/http.md)")).toEqual([
    "packages/core/README.md: ../../docs/http.md must be an absolute URL",
  ]);
});

test("reports a link to a missing file", () => {
  const url = `${homepage}/blob/main/docs/https.md`;
  expect(problemsOf(`[\`code\`](${url})`)).toEqual([`packages/core/README.md: ${url} leads to a missing file`]);
});
