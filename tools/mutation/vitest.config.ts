import { join } from "node:path";
import { defineConfig, type Plugin } from "vitest/config";
import { groups } from "./groups.mjs";

/** Stryker's copy of `packages/core`, which is broken in one place at a time. */
const copy = process.cwd();
const here = import.meta.dirname;
const conditions = ["dev-source", "node", "development|production"];
const doors = { store: "store/index.ts", kit: "store/kit/index.ts", http: "http/index.ts", fetch: "fetch/index.ts" };

const ownFastCheck: Plugin = {
  name: "own-fast-check",
  enforce: "pre",
  resolveId(id, importer) {
    const own = join(here, "fast-check.ts");
    return id === "fast-check" && importer !== own ? own : undefined;
  },
};

export default defineConfig({
  plugins: [ownFastCheck],
  resolve: {
    conditions,
    // Other packages that core's tests use also run with the broken copy.
    alias: [
      ...Object.entries(doors).map(([door, file]) => ({
        find: `@sluice/core/${door}`,
        replacement: join(copy, "src", file),
      })),
      { find: "@sluice/core", replacement: join(copy, "src/index.ts") },
    ],
  },
  ssr: { resolve: { conditions } },
  test: {
    root: copy,
    include: groups[process.env.SLUICE_MUTATION_GROUP ?? ""]?.tests ?? [],
    // The same as for core's tests in the root's vitest.config.ts.
    isolate: false,
    runner: join(here, "runner.ts"),
  },
});
