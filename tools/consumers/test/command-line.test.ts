// Checks that the packed command line runs on the supported versions of Node.js, where it moves a program's state from
// one file to another.
import { createRequire } from "node:module";
import { beforeAll, expect, it } from "vitest";
import { project, run } from "./consumer.js";

const require = createRequire(import.meta.url);
const nodes = {
  "Node.js 20": process.execPath,
  "Node.js 22": require.resolve("node22/bin/node"),
  "Node.js 24": require.resolve("node24/bin/node"),
};

let folder: string;
beforeAll(async () => {
  folder = await project("command-line", {
    "package.json": { type: "module" },
    "use.js": `
      import { createLimiter, fixedWindow } from "@sluice/core";
      import { openStore } from "@sluice/storage";
      const store = await openStore(process.argv[2], { createSchema: true });
      const limiter = createLimiter({ store, policies: fixedWindow({ limit: 10, window: "1d" }), timeout: "20s" });
      console.log((await limiter.consume("ann")).remaining);
      await store.close();
    `,
  });
});

for (const [name, node] of Object.entries(nodes)) {
  it.concurrent(`moves state on ${name}`, async () => {
    const [from, to] = ["from", "to"].map((file) => `sqlite:${file}-${name.replace(/\W/g, "-")}.db`) as [
      string,
      string,
    ];
    const use = (url: string) => run(folder, node, ["--no-warnings", "use.js", url]);
    expect(await use(from)).toEqual({ code: 0, output: "9\n" });
    const command = ["--no-warnings", "../node_modules/sluice/dist/cli.js", "move", from, to, "--create", "--json"];
    const { code, output } = await run(folder, node, command);
    expect({ code, summary: JSON.parse(output) }).toMatchObject({ code: 0, summary: { status: "done", written: 1 } });
    expect(await use(to)).toEqual({ code: 0, output: "8\n" });
  });
}
