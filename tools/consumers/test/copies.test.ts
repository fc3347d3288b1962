// Node.js loads one copy of each package, whether by `import` or `require`. Some tools load two: the ES module by
// `import`, and the CommonJS one by `require`. These copies must recognise each other's limiters and errors.
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, expect, inject, it } from "vitest";
import { project, run } from "./consumer.js";

const require = createRequire(import.meta.url);
const nodes = {
  "Node.js 20": process.execPath,
  "Node.js 22": require.resolve("node22/bin/node"),
  "Node.js 24": require.resolve("node24/bin/node"),
};
const TWO_COPIES = ["--no-experimental-require-module"];

let folder: string;
beforeAll(async () => {
  folder = await project("copies", {
    "package.json": {},
    "one.cjs": `
      const names = ${JSON.stringify(["core", "express", "express/protections", "hono", "koa", "protections", "storage", "store-redis", "store-sqlite"])};
      (async () => {
        for (const name of names) {
          const required = require("@sluice/" + name);
          const imported = await import("@sluice/" + name);
          for (const key of Object.keys(imported)) {
            if (required[key] !== imported[key]) console.log(name, key, "is there twice");
          }
        }
        console.log("done");
      })();
    `,
    "two.cjs": `
      const assert = require("node:assert");
      const express = require("express");
      const required = { ...require("@sluice/express"), ...require("@sluice/express/protections"), ...require("@sluice/store-memory") };
      (async () => {
        const imported = { ...await import("@sluice/express"), ...await import("@sluice/express/protections"), ...await import("@sluice/store-memory") };
        const protections = await import("@sluice/protections");
        assert.notStrictEqual(required.SluiceError, imported.SluiceError);
        for (const [one, other] of [[required, imported], [imported, required]]) {
          assert.throws(() => one.tokenBucket({ rate: 0 }), (error) => error instanceof other.SluiceError);
          class Own extends other.SluiceError {}
          assert.throws(() => one.tokenBucket({ rate: 0 }), (error) => !(error instanceof Own));
          assert(new Own("CLOSED", "closed") instanceof one.SluiceError);
          assert(!(new TypeError("no") instanceof one.SluiceError));
          for (const nothing of [null, undefined, 1, "SluiceError"]) assert(!(nothing instanceof one.SluiceError));

          // A limiter and a store of one, middleware of the other.
          const limiter = one.createLimiter({ store: one.memoryStore(), policies: one.fixedWindow({ limit: 2, window: "1h" }) });
          const all = protections.createProtections({ store: one.memoryStore() });
          const app = express();
          app.get("/limit", other.rateLimit(limiter, { refundWhen: ({ status }) => status === 404 }));
          app.get("/limit", (req, res) => res.sendStatus("missing" in req.query ? 404 : 200));
          const strict = one.createLimiter({ store: limiter.store, policies: other.fixedWindow({ name: "strict", limit: 1, window: "1h" }) });
          app.get("/guard", other.guard([one.limit(limiter), other.limit(strict), one.blocked(one.memoryStore())], { key: () => "somebody" }));
          app.get("/guard", (_req, res) => res.sendStatus(200));
          app.post("/protect", other.protect(all, { methods: ["POST"] }), (_req, res) => res.sendStatus(200));
          const server = app.listen(0, "127.0.0.1");
          await new Promise((resolve) => server.once("listening", resolve));
          const statuses = [];
          for (const path of ["/limit?missing", "/limit", "/limit", "/limit", "/guard", "/guard", "/protect", "/protect"]) {
              const method = path === "/protect" ? "POST" : "GET";
            statuses.push((await fetch("http://127.0.0.1:" + server.address().port + path, { method })).status);
          }
          server.closeAllConnections();
          server.close();
          await all.close();
          assert.deepStrictEqual(statuses, [404, 200, 200, 429, 200, 429, 200, 409]);
        }
        console.log("done");
      })();
    `,
  });
});

for (const [name, node] of Object.entries(nodes)) {
  it.concurrent(`${name} requires and imports the same instance`, async () => {
    expect(await run(folder, node, ["one.cjs"])).toEqual({ code: 0, output: "done\n" });
  });
}

it.concurrent("two copies in one process recognise each other's limiters and errors", async () => {
  expect(await run(folder, nodes["Node.js 22"], [...TWO_COPIES, "two.cjs"])).toEqual({ code: 0, output: "done\n" });
});

it.concurrent("two copies exist only where a tool can't require an ES module", async () => {
  const { output } = await run(folder, nodes["Node.js 22"], [...TWO_COPIES, "one.cjs"]);
  expect(output).toContain("core SluiceError is there twice");
});

it("the CommonJS copy of a package is complete", async () => {
  const dist = join(inject("installed"), "node_modules", "@sluice", "core", "dist");
  const esm: object = await import(join(dist, "index.js"));
  expect(Object.keys(require(join(dist, "cjs", "index.js"))).sort()).toEqual(Object.keys(esm).sort());
});
