import type { SuiteRunner } from "../runner.js";
import { blocklistGuardGroup } from "./blocklist.js";
import { debounceGuardGroup } from "./debounce.js";
import type { GuardAdapter } from "./guard-adapter.js";
import { createGuardContext } from "./guard-context.js";
import { listGuardGroup } from "./lists.js";
import { protectGuardGroup } from "./protect.js";
import { registryGuardGroup } from "./registry.js";

/**
 * Defines the tests that the protections' middleware passes in every framework. They send requests with `fetch` to apps on
 * a listening server. Time advances only when a test moves it.
 *
 * @param runner the test runner's functions
 * @param adapter the middleware, and how to start an app with it
 *
 * @example
 * ```ts
 * import { guard, limit } from "@sluice/express";
 * import * as protections from "@sluice/express/protections";
 * import { createProtections } from "@sluice/protections";
 * import { type GuardAdapter, guardSuite } from "@sluice/testkit";
 * import type { Request, Response } from "express";
 * import { afterAll, beforeAll, describe, it } from "vitest";
 *
 * declare const serve: GuardAdapter["serve"];
 *
 * guardSuite({ describe, it, beforeAll, afterAll }, {
 *   middleware: { ...protections, guard },
 *   checks: { ...protections, limit },
 *   createProtections,
 *   serve,
 *   header: (req: Request, name) => req.headers[name]?.toString(),
 *   handler: (_req: Request, res: Response) => res.end(`handled ${res.statusCode}`),
 *   readsBodies: false,
 * });
 * ```
 */
export function guardSuite(runner: SuiteRunner, adapter: GuardAdapter): void {
  const context = createGuardContext(runner, adapter);
  runner.describe("debounce", () => debounceGuardGroup(context));
  runner.describe("blocklist", () => blocklistGuardGroup(context));
  runner.describe("requireRegistered", () => registryGuardGroup(context));
  runner.describe("protect", () => protectGuardGroup(context));
  runner.describe("guard", () => listGuardGroup(context));
}
