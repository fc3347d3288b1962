import { expect, test } from "vitest";
import { unitTestFiles } from "../lib/unit-tests.mjs";
import { folderWith } from "./fixture.js";

test("includes tests that start no server", () => {
  const folder = folderWith({
    "packages/core/test/limit.test.ts": 'import "../src/index.js"; import type { RedisServer } from "@sluice/servers";',
    "packages/core/test/fixture.ts": "",
    "packages/store-memory/test/deep/conformance.test.ts": 'import "@sluice/testkit"; import "./stores.js";',
    "packages/store-memory/test/deep/stores.ts": 'import "../../src/index.js";',
    "tools/test/tool.test.ts": 'import "./missing.js";',
  });
  expect(unitTestFiles(folder)).toEqual([
    "packages/core/test/limit.test.ts",
    "packages/store-memory/test/deep/conformance.test.ts",
    "tools/test/tool.test.ts",
  ]);
});

test("skips tests that start a server, even indirectly, need a database or take long", () => {
  const folder = folderWith({
    "packages/protections/test/direct.test.ts": 'import { startRedis } from "@sluice/servers";',
    "packages/protections/test/indirect.test.ts": 'import "./backends.js";',
    "packages/protections/test/backends.ts": 'import "./indirect.test.js"; export * from "./servers.mjs";',
    "packages/protections/test/servers.mjs": 'await import("@sluice/servers");',
    "packages/store-redis/test/pure.test.ts": "",
    "packages/core/test/http/fuzz.test.ts": "",
    "packages/testkit/test/moving-mutations.test.ts": "",
    "packages/testkit/test/write-a-store.test.ts": "",
    "tools/test/check-docs.test.ts": "",
    "apps/demo/test/main.test.ts": "",
  });
  expect(unitTestFiles(folder)).toEqual([]);
});
