import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { transform } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";
import { startHttpKvServer } from "./fixtures/http-kv-server.js";

const page = await readFile(new URL("../../../docs/write-a-store.md", import.meta.url), "utf8");

/** The files printed on the page, each in a block that starts with its name. */
const printed = new Map(
  [...page.matchAll(/^```(?:ts|js)\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = "", code = ""]) => [name, code]),
);

// A folder from which the imported packages are found.
const parent = new URL("../node_modules/.printed/", import.meta.url).pathname;
await mkdir(parent, { recursive: true });
const folder = await mkdtemp(join(parent, "page-"));
for (const [name, code] of printed) {
  const compiled = name.endsWith(".ts") ? (await transform(code, { loader: "ts", format: "esm" })).code : code;
  await writeFile(join(folder, name.replace(/\.ts$/, ".js")), compiled);
}
await writeFile(join(folder, "package.json"), '{ "type": "module" }');

const server = await startHttpKvServer();
process.env.KV_URL = server.url;
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

it("the page prints a store of less than 60 lines, its test and its worker", () => {
  expect([...printed.keys()]).toEqual(["http-kv-store.ts", "http-kv-store.test.ts", "http-kv-store.worker.mjs"]);
  expect(printed.get("http-kv-store.ts")?.split("\n").length).toBeLessThan(60);
});

describe("the printed store passes its printed test", async () => {
  await import(pathToFileURL(join(folder, "http-kv-store.test.js")).href);
});
