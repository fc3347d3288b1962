// Runs the first programs that newcomers copy. They are installed as printed, into an empty folder with an empty home
// folder, from a registry that has the packed packages. Then they run as printed on each runtime.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { type RedisServer, startRedis } from "@sluice/servers";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { codeBlocksOf } from "../../lib/code-blocks.mjs";
import { ensurePnpm } from "../../lib/pnpm.mjs";
import { root } from "../../lib/process.mjs";
import { type App, appStatuses, freePort, whileRunning } from "./app-statuses.js";
import { type EmptyMachine, emptyMachine } from "./empty-machine.js";
import { packagesOf, type QuickStart, quickStart } from "./quick-start.js";
import { type Registry, startRegistry } from "./registry.js";

const onNode: readonly QuickStart[] = [
  quickStart("README.md"),
  quickStart("packages/express/README.md"),
  quickStart("packages/koa/README.md"),
  quickStart("packages/hono/README.md"),
  ...["Express", "Koa", "Hono on Node.js"].map((tab) => quickStart("docs/getting-started.md", tab)),
];
const onBun = quickStart("docs/getting-started.md", "Hono on Bun");
const onWorkers = quickStart("docs/getting-started.md", "Hono on Workers");
const onDeno = quickStart("docs/getting-started.md", "Hono on Deno");
const runOnWorkers = quickStart("docs/getting-started.md", "Workers").install;

/**
 * One folder for all quick starts that install the same packages. It uses the install lines that also create
 * `package.json`.
 */
const installs = [...new Set(onNode.map((start) => packagesOf(start).join(" ")))].map((packages) => {
  const starts = onNode.filter((start) => packagesOf(start).join(" ") === packages);
  return {
    packages,
    lines: starts.map(({ install }) => install).find((install) => install.startsWith("npm init")) ?? "",
    // Pages that print the same program run it once.
    starts: [...new Map(starts.map((start) => [start.code, start])).values()],
  };
});

const nodes: readonly (readonly [string, string])[] = [
  [`Node.js ${process.versions.node.split(".")[0]}`, process.execPath],
  ["Node.js 22", program("tools/consumers", "node22", "bin/node")],
  ["Node.js 24", program("tools/consumers", "node24", "bin/node")],
];

let registry: Registry;
beforeAll(async () => {
  ensurePnpm();
  registry = await startRegistry(inject("tarballs"));
});
afterAll(() => registry?.stop());

describe.each([...onNode, onBun, onDeno, onWorkers])("the quick start of $title", (start) => {
  it("installs every package that it imports", () => {
    const imported = [...start.code.matchAll(/ from "((?:@[^/"]+\/)?[^/"]+)/g)].map(([, name]) => name);
    expect(imported.length).toBeGreaterThan(2);
    expect(packagesOf(start)).toEqual(expect.arrayContaining(imported));
  });
});

describe.each([
  ["npm", "npm install"],
  ["pnpm", "pnpm add"],
])("%s", (_, command) => {
  let machine: EmptyMachine;
  beforeAll(() => {
    machine = emptyMachine(registry.url);
  });
  afterAll(() => machine.remove());

  describe.each(installs)("installs $packages", ({ lines, starts }) => {
    let folder: string;
    beforeAll(async () => {
      folder = machine.folder();
      const { code, output } = await machine.type(folder, lines.replace("npm install", command));
      expect(output).not.toMatch(/warn|peer/i);
      expect(code, output).toBe(0);
    });

    for (const { title, code } of starts) {
      it.each(nodes)(`the quick start of ${title} denies the sixth request on %s`, async (_, node) => {
        const port = await freePort();
        // Only the port differs from the printed program.
        writeFileSync(join(folder, "app.js"), code.replace("3000", `${port}`));
        const app = { command: node, args: ["app.js"], cwd: folder, env: machine.env, port };
        expect(await appStatuses(app)).toEqual([200, 200, 200, 200, 200, 429]);
      });
    }
  });
});

describe("a printed limit that two processes share", () => {
  const page = readFileSync(join(root, "docs/getting-started.md"), "utf8");
  let machine: EmptyMachine;
  let redis: RedisServer;
  beforeAll(async () => {
    machine = emptyMachine(registry.url);
    redis = await startRedis();
  });
  afterAll(async () => {
    machine.remove();
    await redis.stop();
  });

  it("counts the requests of both processes", async () => {
    const { install } = quickStart("docs/getting-started.md", "Express");
    const [, added] = / Add `([^`]*)`, and change one line:/.exec(page) ?? [];
    const code = codeBlocksOf(page).find((block) => block.code.includes("redisStore("))?.code ?? "";
    const folder = machine.folder();
    const installed = await machine.type(folder, `${install}\nnpm install ${added}`);
    expect(installed.code, installed.output).toBe(0);
    writeFileSync(join(folder, "app.js"), code.replace("6379", `${redis.port}`));
    const appOn = (port: number): App => {
      return { command: "node", args: ["app.js"], cwd: folder, port, env: { ...machine.env, PORT: `${port}` } };
    };
    const [one, other] = [appOn(await freePort()), appOn(await freePort())];
    const statuses = await whileRunning(one, (first, getOne) =>
      whileRunning(other, async (second, getOther) => {
        return [first, second, await getOne(), await getOther(), await getOne(), await getOther(), await getOne()];
      }),
    );
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
  });
});

describe("other runtimes", () => {
  let machine: EmptyMachine;
  beforeAll(() => {
    machine = emptyMachine(registry.url, {
      bun: program("tools/runtimes", "bun", "bin/bun.exe"),
      deno: program("tools/runtimes", "deno", "deno"),
    });
  });
  afterAll(() => machine.remove());

  it.each([
    ["Bun", onBun, (port: number) => ({ command: "bun", args: ["run", "app.js"], env: { PORT: `${port}` } })],
    ["Deno", onDeno, (port: number) => ({ command: "deno", args: ["serve", "--port", `${port}`, "app.js"], env: {} })],
  ])("the quick start on %s denies the sixth request", async (_, { install, code }, start) => {
    const folder = machine.folder();
    const installed = await machine.type(folder, install);
    expect(installed.code, installed.output).toBe(0);
    writeFileSync(join(folder, "app.js"), code);
    const port = await freePort();
    const { env, ...app } = start(port);
    const prints = /^deno serve: Listening on .*\n/;
    const statuses = await appStatuses({ ...app, cwd: folder, env: { ...machine.env, ...env }, port, prints });
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  });

  it("the quick start on Workers denies the sixth request", async () => {
    const folder = machine.folder();
    const installed = await machine.type(folder, onWorkers.install);
    expect(installed.code, installed.output).toBe(0);
    writeFileSync(join(folder, "app.js"), onWorkers.code);
    const port = await freePort();
    const [command = "", ...args] = runOnWorkers.replace("3000", `${port}`).split(" ");
    // Stops wrangler from sending metrics and from looking up its location.
    const silent = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
    // Only `wrangler` runs on Node.js 24, which it needs. The install ran with this machine's npm, which may have
    // settings for the registry.
    const node24 = dirname(program("tools/consumers", "node24", "bin/node"));
    const env = { ...machine.env, ...silent, PATH: [node24, machine.env.PATH].join(delimiter) };
    expect(await appStatuses({ command, args, cwd: folder, env, port })).toEqual([200, 200, 200, 200, 200, 429]);
  });
});

/** Returns the path of a program in a package that the folder depends on. */
function program(folder: string, name: string, file: string): string {
  const { resolve } = createRequire(join(root, folder, "package.json"));
  return join(dirname(resolve(`${name}/package.json`)), file);
}
