// Runs the conformance suites on the packed packages, with the test runner of Node.js. Elsewhere in the workspace they
// run on the sources.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { expect, inject, it } from "vitest";
import { project, run } from "./consumer.js";

const express = join(import.meta.dirname, "../../../packages/express/test");

/** Makes test files import the installed package instead of its sources. */
const installedExpress: Plugin = {
  name: "installed-express",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/src\// }, ({ path }) => {
      const door = path.slice("../src/".length, -".js".length);
      return { path: door === "index" ? "@sluice/express" : `@sluice/express/${door}`, external: true };
    });
  },
};

const entries = {
  memory: `
    import { absent, storeSuite } from "@sluice/testkit";
    import { memoryStore } from "@sluice/store-memory";
    storeSuite({ describe, it, beforeAll, afterAll }, () => memoryStore(), {
      decides: true,
      shared: absent("each store has its own memory"),
      ownClock: absent("its clock is this process's"),
      otherProcess: absent("memory is not shared"),
      exportsEntries: true,
      importsEntries: true,
      checksHealth: absent("nothing can be down"),
      unreachable: absent("nothing can be down"),
      interruptible: absent("nothing can be down"),
      operations: 1_000,
    });
  `,
  express: `
    import { adapterSuite, guardSuite } from "@sluice/testkit";
    import express from "express";
    import { guardsOn } from "./guarded.js";
    import { adapterOn } from "./serve.js";
    adapterSuite({ describe, it, beforeAll, afterAll }, adapterOn(express));
    guardSuite({ describe, it, beforeAll, afterAll }, guardsOn(express));
  `,
};

it.concurrent.each([
  ["memory", 100],
  ["express", 150],
] as const)("the suites of %s pass on the packed packages", async (name, least) => {
  const folder = await project("conformance", {});
  await mkdir(folder, { recursive: true });
  const runner = `import { after as afterAll, before as beforeAll, describe, it } from "node:test";`;
  await build({
    stdin: { contents: `${runner}${entries[name]}`, resolveDir: express, loader: "ts" },
    outfile: join(folder, `${name}.mjs`),
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "error",
    plugins: [installedExpress],
  });
  const { code, output } = await run(folder, process.execPath, ["--test-reporter=tap", `${name}.mjs`]);
  expect(output).toMatch(/^# fail 0$/m);
  expect(Number(/^# pass (\d+)$/m.exec(output)?.[1])).toBeGreaterThan(least);
  expect(code).toBe(0);
});

it("a packed manifest does not refer to sources", async () => {
  const manifest = join(inject("installed"), "node_modules/@sluice/core/package.json");
  const { default: packed } = await import(manifest, { with: { type: "json" } });
  expect(Object.keys(packed.exports["."])[0]).toBe("module-sync");
});
