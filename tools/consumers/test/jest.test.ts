// Checks that Jest loads the packages without any configuration. It requires them, and can't require ES modules.
import { it } from "vitest";
import { expectJest, jestProject, versions } from "./jest.js";

const presetEnv = { presets: [["@babel/preset-env", { targets: { node: "20" } }]] };
const typescript = { compilerOptions: { module: "commonjs", target: "ES2022", strict: true, esModuleInterop: true } };

const PACKAGES = [
  "core",
  "core/fetch",
  "core/http",
  "core/store",
  "express",
  "express/protections",
  "hono",
  "hono/protections",
  "koa",
  "koa/protections",
  "protections",
  "storage",
  "store-dynamodb",
  "store-memory",
  "store-postgres",
  "store-redis",
  "store-sharded",
  "store-sqlite",
  "testkit",
];

/** Source that exceeds a limit of two over HTTP. */
const limitsTwo = `
  const app = express();
  app.use(rateLimit(memoryStore(), fixedWindow({ limit: 2, window: "1h" })));
  app.get("/", (_req, res) => res.send("hello"));
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await fetch("http://127.0.0.1:" + server.address().port)).status);
  await new Promise((resolve) => server.close(resolve));
  expect(statuses).toEqual([200, 200, 429]);
`;

for (const version of versions) {
  it.concurrent(`${version} requires every package`, async () => {
    const folder = await jestProject(version, "requires", {
      "package.json": {},
      "packages.test.js": `
        test.each(${JSON.stringify(PACKAGES)})("%s", (name) => {
          expect(Object.keys(require("@sluice/" + name))).not.toHaveLength(0);
        });
        test("limits", async () => {
          const express = require("express");
          const { fixedWindow, rateLimit } = require("@sluice/express");
          const { memoryStore } = require("@sluice/store-memory");
          ${limitsTwo}
        });
        test("opens the store that a setting names", async () => {
          const { openStore } = require("@sluice/storage");
          const { createLimiter, SluiceError } = require("@sluice/core");
          const store = await openStore("sqlite:" + __dirname + "/limits.db", { createSchema: true });
          const limiter = createLimiter({ store });
          expect(await limiter.consume("a")).toMatchObject({ allowed: true, source: "store" });
          await limiter.close();
          await store.close();
          await expect(openStore("mysql://127.0.0.1")).rejects.toBeInstanceOf(SluiceError);
        });
      `,
    });
    await expectJest(version, folder, { passed: PACKAGES.length + 2 });
  });

  it.concurrent(`${version} with babel-jest imports the packages`, async () => {
    const folder = await jestProject(version, "babel", {
      "package.json": {},
      "babel.config.json": presetEnv,
      "limits.test.js": `
        import express from "express";
        import { fixedWindow, rateLimit } from "@sluice/express";
        import { protect } from "@sluice/express/protections";
        import { createProtections } from "@sluice/protections";
        import { openStore } from "@sluice/storage";
        import { memoryStore } from "@sluice/store-memory";
        test("limits", async () => {${limitsTwo}});
        test("protects", async () => {
          const protections = createProtections({ store: await openStore("memory:") });
          expect(typeof protect(protections)).toBe("function");
          await protections.close();
        });
      `,
    });
    await expectJest(version, folder, { passed: 2 });
  });

  it.concurrent(`${version} with ts-jest imports the packages`, async () => {
    const folder = await jestProject(version, "ts-jest", {
      "package.json": { jest: { preset: "ts-jest" } },
      "tsconfig.json": typescript,
      "limits.test.ts": `
        import type { AddressInfo } from "node:net";
        import express from "express";
        import { fixedWindow, rateLimit, SluiceError } from "@sluice/express";
        import { memoryStore } from "@sluice/store-memory";
        test("limits", async () => {${limitsTwo
          .replace("const statuses = []", "const statuses: number[] = []")
          .replace("server.address()", "(server.address() as AddressInfo)")}});
        test("refuses", () => {
          try {
            fixedWindow({ limit: 0, window: "1h" });
          } catch (error) {
            expect(error instanceof SluiceError && error.code).toBe("INVALID_OPTION");
          }
          expect.assertions(1);
        });
      `,
    });
    await expectJest(version, folder, { passed: 2 });
  });
}

it.concurrent("the tests of a default NestJS project pass, unit and e2e", async () => {
  const transform = { "^.+\\.(t|j)s$": "ts-jest" };
  const compilerOptions = {
    module: "nodenext",
    moduleResolution: "nodenext",
    resolvePackageJsonExports: true,
    esModuleInterop: true,
    isolatedModules: true,
    declaration: true,
    removeComments: true,
    emitDecoratorMetadata: true,
    experimentalDecorators: true,
    allowSyntheticDefaultImports: true,
    target: "ES2023",
    sourceMap: true,
    outDir: "./dist",
    incremental: true,
    skipLibCheck: true,
    strictNullChecks: true,
  };
  const imports = `
    import { Test } from "@nestjs/testing";
    import type { INestApplication } from "@nestjs/common";
  `;
  const body = `
    let app: INestApplication;
    beforeEach(async () => {
      const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
      app = testing.createNestApplication();
      await app.listen(0, "127.0.0.1");
    });
    afterEach(() => app.close());
    it("limits", async () => {
      const statuses: number[] = [];
      for (let i = 0; i < 3; i++) statuses.push((await fetch(await app.getUrl())).status);
      expect(statuses).toEqual([200, 200, 429]);
    });
  `;
  const folder = await jestProject("jest30", "nest", {
    "package.json": {
      jest: {
        moduleFileExtensions: ["js", "json", "ts"],
        rootDir: "src",
        testRegex: ".*\\.spec\\.ts$",
        transform,
        collectCoverageFrom: ["**/*.(t|j)s"],
        coverageDirectory: "../coverage",
        testEnvironment: "node",
      },
    },
    "tsconfig.json": { compilerOptions },
    "src/app.module.ts": `
      import { Controller, Get, type MiddlewareConsumer, Module, type NestModule } from "@nestjs/common";
      import { fixedWindow, rateLimit } from "@sluice/express";
      import { memoryStore } from "@sluice/store-memory";

      @Controller()
      export class AppController {
        @Get()
        hello(): string {
          return "hello";
        }
      }

      @Module({ controllers: [AppController] })
      export class AppModule implements NestModule {
        configure(consumer: MiddlewareConsumer): void {
          consumer
            .apply(rateLimit(memoryStore(), fixedWindow({ limit: 2, window: "1h" })))
            .forRoutes("/");
        }
      }
    `,
    "src/app.controller.spec.ts": `${imports}import { AppModule } from "./app.module";${body}`,
    "test/jest-e2e.json": {
      moduleFileExtensions: ["js", "json", "ts"],
      rootDir: ".",
      testEnvironment: "node",
      testRegex: ".e2e-spec.ts$",
      transform,
    },
    "test/app.e2e-spec.ts": `${imports}import { AppModule } from "./../src/app.module";${body}`,
  });
  await expectJest("jest30", folder, { passed: 1 });
  await expectJest("jest30", folder, { passed: 1, args: ["--config", "./test/jest-e2e.json"] });
});
