// The first blocks that newcomers copy run as they are printed, on the packed packages, and limit.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codeBlocksOf } from "../../lib/code-blocks.mjs";
import { project } from "./consumer.js";

const root = join(import.meta.dirname, "../../..");

interface QuickStart {
  readonly title: string;
  readonly code: string;
  /** The line that installs what the code imports. */
  readonly install: string;
}

/** The first program of a page, or that of a tab, and the install line before it. */
function quickStart(page: string, tab?: string): QuickStart {
  const blocks = codeBlocksOf(readFileSync(join(root, page), "utf8")).filter(
    ({ meta }) => tab === undefined || meta === `[${tab}]`,
  );
  const code = blocks.find(({ language }) => language === "js")?.code ?? "";
  const install = blocks.find(({ language, code }) => language === "sh" && code.includes("npm install"))?.code ?? "";
  return { title: tab === undefined ? page : `${page}, ${tab}`, code, install };
}

const quickStarts = [
  quickStart("README.md"),
  quickStart("packages/express/README.md"),
  quickStart("packages/koa/README.md"),
  quickStart("packages/hono/README.md"),
  ...["Express", "Koa", "Hono on Node.js"].map((tab) => quickStart("docs/getting-started.md", tab)),
];

describe.each(quickStarts)("the quick start of $title", ({ title, code, install }) => {
  it("installs every package that it imports", () => {
    const imported = [...code.matchAll(/ from "((?:@[^/"]+\/)?[^/"]+)/g)].map(([, name]) => name);
    expect(imported.length).toBeGreaterThan(2);
    const [, list = ""] = /npm install (.*)/.exec(install) ?? [];
    expect(list.split(" ")).toEqual(expect.arrayContaining(imported));
  });

  it("denies the sixth request", async () => {
    const port = await freePort();
    const folder = await project(`quick-start-${title.replaceAll(/[^a-z]+/gi, "-")}`, {
      "package.json": { type: "module" },
      // The port is all that differs from what is printed.
      "app.js": code.replace("3000", String(port)),
    });
    const app = spawn(process.execPath, ["app.js"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    app.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    try {
      const statuses = [await firstStatus(port, () => errors)];
      for (let i = 0; i < 5; i++) statuses.push((await fetch(`http://localhost:${port}/`)).status);
      expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    } finally {
      app.kill();
      await once(app, "close");
    }
    expect(errors).toBe("");
  });
});

/** The status of the first request that the app answers. */
async function firstStatus(port: number, errors: () => string): Promise<number> {
  for (let tries = 0; tries < 500 && errors() === ""; tries++) {
    try {
      return (await fetch(`http://localhost:${port}/`)).status;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`the app does not answer: ${errors()}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
