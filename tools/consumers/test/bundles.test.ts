// Checks that bundles for Node.js by webpack, Rspack and esbuild run. The app uses a store in memory and one in SQLite.
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { project, run } from "./consumer.js";

const require = createRequire(import.meta.url);
const nodes = { "Node.js 20": process.execPath, "Node.js 24": require.resolve("node24/bin/node") };
const formats = ["cjs", "esm"] as const;

const app = `
  const store = memoryStore();
  const app = express();
  app.use(rateLimit(store, fixedWindow({ limit: 2, window: "1h" })));
  app.get("/", (_req, res) => res.send("hello"));
  const server = app.listen(0, "127.0.0.1", async () => {
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await fetch("http://127.0.0.1:" + server.address().port)).status);
    server.closeAllConnections();
    server.close();
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 2, window: "1h" }) });
    const file = process.argv[2];
    const client = await openSqlite(file);
    await createSchema(client);
    const lite = createLimiter({ store: sqliteStore({ client }), policies: fixedWindow({ limit: 2, window: "1h" }) });
    const { allowed, source } = await lite.consume("a");
    client.close();
    const opened = await openStore("sqlite:" + file);
    const again = await createLimiter({ store: opened, policies: fixedWindow({ limit: 2, window: "1h" }) }).consume("a");
    await opened.close();
    console.log(JSON.stringify({ statuses, allowed, source, remaining: again.remaining }));
  });
`;
const done = { statuses: [200, 200, 429], allowed: true, source: "store", remaining: 0 };

const imports = `
  import express from "express";
  import { createLimiter, fixedWindow, rateLimit } from "@sluice/express";
  import { openStore } from "@sluice/storage";
  import { memoryStore } from "@sluice/store-memory";
  import { createSchema, openSqlite, sqliteStore } from "@sluice/store-sqlite";
`;

let folder: string;
beforeAll(async () => {
  folder = await project("bundles", {
    "package.json": {},
    "imports.mjs": `${imports}${app}`,
    "requires.cjs": imports.replaceAll("import ", "const ").replaceAll(/ from ("[^"]+")/g, " = require($1)") + app,
    "bundle.cjs": `
      const [name, format, out] = process.argv.slice(2);
      const bundler = require(name);
      const configurations = ["imports.mjs", "requires.cjs"].map((entry) => ({
        mode: "production",
        optimization: { minimize: false },
        target: "node20",
        devtool: false,
        entry: "./" + entry,
        // A native module, as a bundle for Node.js leaves it out.
        externals: { libsql: (format === "esm" ? "module " : "commonjs ") + "libsql" },
        externalsPresets: { node: true },
        experiments: { outputModule: format === "esm" },
        output: {
          path: __dirname + "/" + out,
          filename: entry.split(".")[0] + (format === "esm" ? ".mjs" : ".cjs"),
          ...(format === "esm" ? { module: true, chunkFormat: "module", library: { type: "module" } } : {}),
        },
        performance: false,
      }));
      bundler(configurations, (error, stats) => {
        if (error || stats.hasErrors()) throw error || new Error(stats.toString("errors-only"));
        // Express looks for views by a computed name.
        const warnings = stats.toJson({ all: false, warnings: true, children: true }).children.flatMap(({ warnings }) => warnings);
        for (const { message, moduleName = "" } of warnings) if (!moduleName.includes("/express/lib/view.js")) console.log(moduleName, message);
      });
    `,
  });
});

for (const bundler of ["webpack", "@rspack/core"]) {
  for (const format of formats) {
    it.concurrent(`bundles by ${bundler} as ${format} run on each tested Node.js`, async () => {
      const out = `by-${bundler.replace(/\W/g, "-")}-${format}`;
      expect(await run(folder, process.execPath, ["bundle.cjs", bundler, format, out])).toEqual({
        code: 0,
        output: "",
      });
      for (const entry of ["imports", "requires"]) {
        for (const [name, node] of Object.entries(nodes)) {
          const bundle = join(folder, out, `${entry}.${format === "esm" ? "mjs" : "cjs"}`);
          const { output } = await run(folder, node, ["--no-warnings", bundle, `${out}-${entry}-${name}.db`]);
          expect(output, `${bundle} on ${name}`).toBe(`${JSON.stringify(done)}\n`);
        }
      }
    });
  }
}
