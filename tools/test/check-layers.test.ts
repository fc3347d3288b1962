import { expect, test } from "vitest";
import { folderWith, runTool } from "./fixture.js";

const redisManifest = JSON.stringify({ peerDependencies: { ioredis: "^6" } });
const expressManifest = JSON.stringify({ peerDependencies: { "@sluice/protections": "*", express: "^5" } });

test("accepts imports in the right direction", () => {
  const folder = folderWith({
    "packages/core/src/index.ts": 'export * from "./http/guard.js";',
    "packages/core/src/http/guard.ts": 'import { a } from "../limiter/limiter.js"; export const b = a;',
    "packages/core/src/limiter/limiter.ts":
      'import type { Store } from "../store/store.js"; export const a: Store = 1;',
    "packages/core/src/store/store.ts": "export type Store = number;",
    "packages/store-redis/package.json": redisManifest,
    "packages/store-redis/src/index.ts":
      'import { createHash } from "node:crypto"; import "@sluice/core/store"; import type { Redis } from "ioredis";',
    "packages/express/package.json": expressManifest,
    "packages/express/src/index.ts":
      'import express from "express"; export * from "@sluice/core"; export type * from "@sluice/core/http";',
    "packages/express/src/protections.ts": 'export { protect } from "@sluice/protections";',
    "packages/storage/src/open-store.ts": "export const open = (name: string) => import(`@sluice/store-${name}`);",
    "packages/testkit/src/index.ts": 'import * as core from "@sluice/core"; import fc from "fast-check";',
  });
  expect(runTool("check-layers.mjs", folder)).toMatchObject({ code: 0 });
});

test.each([
  [
    "core/src/store/a.ts",
    'import { a } from "../limiter/a.js";',
    "in core, store may import only root, algorithm, store",
  ],
  ["core/src/store/a.ts", 'import type { A } from "../http/a.js";', "in core, store may import only"],
  [
    "core/src/algorithm/a.ts",
    'export { a } from "../store/a.js";',
    "in core, algorithm may import only root, algorithm",
  ],
  ["core/src/limiter/a.ts", 'type A = import("../http/a.js").A;', "in core, limiter may import only"],
  ["core/src/a.ts", 'export * from "./index.js";', "in core, root may import only"],
  ["core/src/other/a.ts", 'import "../algorithm/a.js";', "no rule for core's folder other/"],
  ["core/src/http/a.ts", 'import { b } from "@sluice/store-memory";', "it may import no other package"],
  ["core/src/http/a.ts", 'import type { Socket } from "node:net";', "it may import no other package"],
  ["core/src/http/a.ts", '/// <reference types="node" />', "it may import no other package"],
  ["core/src/http/a.ts", 'const a = await import("./" + name);', "computed names"],
  ["core/src/http/a.ts", 'import "../../../express/src/index.js";', "a file outside of packages/core/src"],
  ["store-redis/src/a.ts", 'import { Redis } from "ioredis";', "only its types may be imported"],
  ["store-redis/src/a.ts", 'import { type Redis, Cluster } from "ioredis";', "only its types may be imported"],
  [
    "store-redis/src/a.ts",
    'import "@sluice/store-memory";',
    "it may import only @sluice/core/store, @sluice/core/kit, node:, ioredis",
  ],
  ["store-redis/src/a.ts", 'import "@sluice/core";', "it may import only @sluice/core/store"],
  ["store-redis/src/a.ts", 'import "@sluice/core/http";', "it may import only @sluice/core/store"],
  ["express/src/a.ts", 'import "@sluice/core/store";', "it may import only @sluice/core, @sluice/core/http"],
  ["core/src/fetch/a.ts", 'import "../http/a.js";', "in core, fetch may import only"],
  ["core/src/http/a.ts", 'import "../fetch/a.js";', "in core, http may import only"],
  ["store-redis/src/a.ts", 'import "fs";', "it may import only"],
  [
    "express/src/a.ts",
    'import { b } from "node:net";',
    "it may import only @sluice/core, @sluice/core/http, @sluice/protections, express",
  ],
  ["express/src/a.ts", 'import { b } from "@sluice/protections";', "only packages/express/src/protections.ts may"],
  ["express/src/a.ts", 'import type { B } from "@sluice/protections";', "only packages/express/src/protections.ts may"],
  ["express/src/a.ts", 'import { b } from "@sluice/store-memory";', "it may import only"],
  ["protections/src/a.ts", 'import { b } from "@sluice/store-memory";', "it may import only"],
  ["protections/src/a.ts", 'import { openStore } from "@sluice/storage";', "it may import only"],
  ["storage/src/a.ts", 'import { b } from "@sluice/protections";', "it may import only @sluice/core/store"],
  ["storage/src/a.ts", 'import "@sluice/core";', "it may import only @sluice/core/store"],
  ["sluice/src/a.ts", 'import { b } from "@sluice/store-redis";', "it may import only"],
  ["testkit/src/a.ts", 'import { b } from "@sluice/express";', "it may import only"],
  ["unheard-of/src/a.ts", "export {};", "has no rule for it"],
])("%s may not contain %s", (file, text, problem) => {
  const folder = folderWith({
    "packages/store-redis/package.json": redisManifest,
    "packages/express/package.json": expressManifest,
    [`packages/${file}`]: `\n${text}`,
  });
  const { code, output } = runTool("check-layers.mjs", folder);
  expect(output).toContain(problem);
  if (!problem.startsWith("has no rule")) expect(output).toContain(`packages/${file}:2 imports `);
  expect(code).toBe(1);
});

test("reports a cycle, even one of types only", () => {
  const folder = folderWith({
    "packages/core/src/algorithm/a.ts": 'import type { B } from "./b.js";',
    "packages/core/src/algorithm/b.ts": 'import "./c.js";',
    "packages/core/src/algorithm/c.ts": 'export * from "./a.js";',
  });
  const { code, output } = runTool("check-layers.mjs", folder);
  expect(output).toMatch(/import cycle: \S+a\.ts → \S+b\.ts → \S+c\.ts → \S+a\.ts/);
  expect(code).toBe(1);
});

test("fails in a folder without sources", () => {
  expect(runTool("check-layers.mjs", folderWith({}))).toMatchObject({ code: 1 });
});
