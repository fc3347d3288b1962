// Checks that the packages compile in every mode in which the supported versions of TypeScript resolve them.
import { join } from "node:path";
import { expect, it } from "vitest";
import { project, runBin } from "./consumer.js";

const source = `
  import express from "express";
  import { type Decision, decisionOf, fixedWindow, rateLimit, SluiceError, tokenBucket } from "@sluice/express";
  import { protect } from "@sluice/express/protections";
  import { createLimiter, type SluiceErrorCode } from "@sluice/core";
  import { rateLimit as honoLimit } from "@sluice/hono";
  import { protect as honoProtect } from "@sluice/hono/protections";
  import { rateLimit as koaLimit } from "@sluice/koa";
  import { protect as koaProtect } from "@sluice/koa/protections";
  import { createProtections, type Protections } from "@sluice/protections";
  import { type OpenedStore, openStore } from "@sluice/storage";
  import { memoryStore } from "@sluice/store-memory";
  import { postgresStore } from "@sluice/store-postgres";
  import { redisStore } from "@sluice/store-redis";
  import { shardedStore } from "@sluice/store-sharded";
  import { sqliteStore } from "@sluice/store-sqlite";
  import { manualClock } from "@sluice/testkit";

  export const app = express();
  app.use(rateLimit(memoryStore(), fixedWindow({ limit: 2, window: "1h" })));
  app.get("/", (req, res) => {
    res.send(String(decisionOf(req)?.remaining));
  });
  export async function use(): Promise<Decision> {
    const opened: OpenedStore = await openStore("memory:");
    await opened.healthCheck();
    const protections: Protections = createProtections({ store: opened });
    app.use(protect(protections));
    honoProtect(protections, { getConnInfo: () => ({ remote: { address: "192.0.2.1" } }) });
    koaProtect(protections);
    return createLimiter({ store: memoryStore(), clock: manualClock() }).consume("a");
  }
  export function codeOf(error: unknown): SluiceErrorCode | undefined {
    return error instanceof SluiceError ? error.code : undefined;
  }
  export const all = [honoLimit, koaLimit, postgresStore, redisStore, shardedStore, sqliteStore];
  declare const given: number | undefined;
  rateLimit(memoryStore({ maxKeys: given }), { name: undefined, cost: given, statusCode: given, timeout: given });
  createLimiter({ store: memoryStore(), timeout: given, prefix: undefined, clock: undefined, policies: tokenBucket({ burst: given }) });
  // @ts-expect-error: the types exist, and are not any.
  fixedWindow({ limit: "2", window: "1h" });
`;

interface Mode {
  readonly type?: "module" | "commonjs";
  readonly module: string;
  readonly moduleResolution?: string;
  /** Also checks the declarations, with all strict options. */
  readonly libraries?: boolean;
}

const COMMONJS = { module: "commonjs", moduleResolution: "node" };
/** The older compilers are slow, so each runs only in modes in which it differs from the others. */
const modes: Readonly<Record<string, readonly Mode[]>> = {
  typescript54: [COMMONJS, { module: "node16" }],
  typescript: [COMMONJS, { module: "node16" }, { module: "esnext", moduleResolution: "bundler" }],
  typescript6: [{ module: "commonjs", moduleResolution: "bundler" }],
  typescript7: [
    { module: "node16" },
    { module: "nodenext", libraries: true },
    { type: "module", module: "nodenext", libraries: true },
    { type: "module", module: "node16" },
    { module: "commonjs" },
    { type: "module", module: "esnext" },
  ],
};

const compilerOptions = { target: "es2022", strict: true, noEmit: true, skipLibCheck: false };

for (const [compiler, tried] of Object.entries(modes)) {
  for (const { type = "commonjs", libraries = false, ...resolution } of tried) {
    const name = `${compiler}, ${Object.values(resolution).join(" and ")} in ${type}`;
    it.concurrent(`compiles with ${name}`, async () => {
      const folder = await project(`types/${name.replaceAll(/\W+/g, "-")}`, {
        "package.json": { type },
        "app.ts": source,
        "tsconfig.json": {
          compilerOptions: {
            ...compilerOptions,
            ...resolution,
            esModuleInterop: true,
            types: ["node"],
            skipLibCheck: !libraries,
            ...(libraries ? { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true } : {}),
          },
          files: ["app.ts"],
        },
      });
      const bin = join("node_modules", compiler, "bin", "tsc");
      expect(await runBin(folder, bin, ["-p", "."])).toEqual({ code: 0, output: "" });
    });
  }
}

it.concurrent("compiles without the types of any runtime", async () => {
  const folder = await project("types/none", {
    "package.json": { type: "module" },
    "app.ts": `
      import { createLimiter } from "@sluice/core";
      import { limitFetch } from "@sluice/core/fetch";
      import { createProtections } from "@sluice/protections";
      import { openStore } from "@sluice/storage";
      import { dynamodbStore } from "@sluice/store-dynamodb";
      import { memoryStore } from "@sluice/store-memory";
      import { postgresStore } from "@sluice/store-postgres";
      import { redisStore } from "@sluice/store-redis";
      import { shardedStore } from "@sluice/store-sharded";
      import { openSqlite, sqliteStore } from "@sluice/store-sqlite";
      export const limiter = createLimiter({ store: memoryStore() });
      export const all = [limitFetch, createProtections, openStore, dynamodbStore, postgresStore, redisStore, shardedStore, openSqlite, sqliteStore];
    `,
    "tsconfig.json": {
      compilerOptions: { ...compilerOptions, module: "nodenext", lib: ["es2022"], types: [] },
      files: ["app.ts"],
    },
  });
  expect(await runBin(folder, "node_modules/typescript7/bin/tsc", ["-p", "."])).toEqual({ code: 0, output: "" });
});

it.concurrent("compiles with Bun's types", async () => {
  const folder = await project("types/bun", {
    "package.json": { type: "module" },
    "app.ts": `
      import { Database } from "bun:sqlite";
      import { createLimiter } from "@sluice/core";
      import { limitFetch } from "@sluice/core/fetch";
      import { rateLimit } from "@sluice/hono";
      import { protect } from "@sluice/hono/protections";
      import { createProtections } from "@sluice/protections";
      import { memoryStore } from "@sluice/store-memory";
      import { postgresStore } from "@sluice/store-postgres";
      import { redisStore } from "@sluice/store-redis";
      import { sqliteStore } from "@sluice/store-sqlite";
      import { Hono } from "hono";
      import { getConnInfo } from "hono/bun";

      const app = new Hono();
      app.use(rateLimit(memoryStore(), { getConnInfo }));
      app.use(protect(createProtections({ store: sqliteStore({ client: new Database("limits.db") }) }), { getConnInfo }));
      const limiter = createLimiter({ store: memoryStore() });
      export const response: Response = await limitFetch(limiter, fetch)("https://example.com");
      await limiter.wait("a", { signal: AbortSignal.timeout(1_000) });
      export const all = [postgresStore, redisStore];
      export default { fetch: app.fetch };
    `,
    "tsconfig.json": {
      compilerOptions: { ...compilerOptions, module: "preserve", lib: ["esnext"], types: ["bun-types"] },
      files: ["app.ts"],
    },
  });
  const { output } = await runBin(folder, "node_modules/typescript7/bin/tsc", ["-p", "."]);
  // Bun's types contradict those of other versions of Node.js, so only errors about these packages count.
  expect(output.split("\n").filter((line) => /@sluice|^app|^error/.test(line))).toEqual([]);
});
