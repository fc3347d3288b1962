import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { memoryStore } from "@sluice/store-memory";
import { transform } from "esbuild";
import { afterAll, expect, it } from "vitest";

const page = await readFile(new URL("../../../docs/write-a-check.md", import.meta.url), "utf8");

/** The files printed on the page, each in a block that starts with its name. */
const printed = [...page.matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = "", code = ""]) => ({
  name,
  code,
}));

// A folder from which the imported packages are found.
const parent = new URL("../node_modules/.printed/", import.meta.url).pathname;
await mkdir(parent, { recursive: true });
const folder = await mkdtemp(join(parent, "page-"));
for (const { name, code } of printed) {
  const compiled = await transform(code, { loader: "ts", format: "esm" });
  await writeFile(join(folder, name.replace(/\.ts$/, ".js")), compiled.code);
}
await writeFile(join(folder, "package.json"), '{ "type": "module" }');
afterAll(() => rm(folder, { recursive: true, force: true }));

it("the page prints a maintenance switch, a captcha and an app with both", () => {
  expect(printed.map(({ name }) => name)).toEqual(["maintenance.ts", "captcha.ts", "app.ts"]);
});

it("the printed checks work as the page describes", async () => {
  const { createApp } = await import(pathToFileURL(join(folder, "app.js")).href);
  const maintenance = { isOn: false };
  const app = createApp(memoryStore(), maintenance, async (token: string) => token === "solved");
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const ask = async (headers: Record<string, string> = {}): Promise<readonly [number, string | null]> => {
    const response = await fetch(url, { headers });
    await response.text();
    return [response.status, response.headers.get("x-reason")];
  };
  const answers = [];
  for (let i = 0; i < 4; i++) answers.push(await ask());
  answers.push(await ask({ "x-captcha": "guessed" }), await ask({ "x-captcha": "solved" }));
  maintenance.isOn = true;
  answers.push(await ask({ "x-captcha": "solved" }));
  expect(answers).toEqual([
    [200, null],
    [200, null],
    [200, null],
    [403, "captcha"],
    [403, "captcha"],
    [200, null],
    [503, "maintenance"],
  ]);
  const left = await fetch(url);
  expect([left.status, left.headers.get("retry-after")]).toEqual([503, "600"]);
  await left.text();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});
