import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

const PACKAGES = new URL("../..", import.meta.url).pathname;

/** A project in which only these packages of Sluice are installed. */
let project: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "sluice-project-"));
  await install("core");
  await install("storage");
  await writeFile(
    join(project, "open.mjs"),
    `import { openStore } from "@sluice/storage";
const failure = await openStore(process.argv[2]).then((store) => store.close(), ({ code, message }) => ({ code, message }));
console.log(JSON.stringify(failure ?? "opened"));`,
  );
});
afterAll(() => rm(project, { recursive: true, force: true }));

async function install(name: string): Promise<void> {
  for (const part of ["dist", "package.json"]) {
    await cp(join(PACKAGES, name, part), join(project, "node_modules", "@sluice", name, part), { recursive: true });
  }
}

async function open(storage: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ["open.mjs", storage], { cwd: project });
  return JSON.parse(stdout);
}

it.each([
  ["memory:", "@sluice/store-memory"],
  ["redis://user:password@localhost", "@sluice/store-redis ioredis"],
  ["redis-cluster://localhost", "@sluice/store-redis ioredis"],
  ["postgres://user:password@localhost/app", "@sluice/store-postgres pg"],
  ["dynamodb://limits?region=local", "@sluice/store-dynamodb @aws-sdk/client-dynamodb"],
  ["sqlite:limits.db", "@sluice/store-sqlite libsql"],
])("the error for %s names the missing packages", async (storage, packages) => {
  const [name] = packages.split(" ");
  expect(await open(storage)).toEqual({
    code: "PACKAGE_MISSING",
    message: `[sluice] the package ${name} is not installed: npm install ${packages}`,
  });
});

it("the error for a store without its client names the client, and other stores still open", async () => {
  await install("store-redis");
  expect(await open("redis://localhost")).toEqual({
    code: "PACKAGE_MISSING",
    message: "[sluice] the package ioredis is not installed: npm install @sluice/store-redis ioredis",
  });
  await install("store-memory");
  expect(await open("memory:")).toBe("opened");
});
