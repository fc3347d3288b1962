import type { SuiteRunner } from "../runner.js";
import type { Adapter } from "./adapter.js";
import { answersGroup } from "./answers.js";
import { clientsGroup } from "./clients.js";
import { createAdapterContext } from "./context.js";
import { dryRunGroup } from "./dry-run.js";
import { failuresGroup } from "./failures.js";
import { fieldsGroup } from "./fields.js";
import { outagesGroup } from "./outages.js";
import { outcomesGroup } from "./outcomes.js";
import { policiesGroup } from "./policies.js";
import { rejectionsGroup } from "./rejections.js";
import { transcriptGroup } from "./transcript.js";
import { warningsGroup } from "./warnings.js";

/**
 * Defines the tests that every adapter of Sluice passes. They send requests with `fetch` to apps on a listening server.
 * Time advances only when a test moves it, so nothing sleeps.
 *
 * @param runner the test runner's functions
 * @param adapter how to start an app with the middleware under test
 *
 * @example
 * ```ts
 * import type { Express, Request } from "express";
 * import { afterAll, beforeAll, describe, it } from "vitest";
 * import { type RejectionHandler, rateLimit } from "@sluice/express";
 * import { type Adapter, type AppUnderTest, adapterSuite } from "@sluice/testkit";
 *
 * declare function appOf(app: AppUnderTest<Request, RejectionHandler>, middleware: typeof rateLimit): Express;
 * declare function listen(app: Express): ReturnType<Adapter<Request, RejectionHandler>["serve"]>;
 *
 * adapterSuite({ describe, it, beforeAll, afterAll }, {
 *   serve: (app) => listen(appOf(app, rateLimit)),
 *   header: (req, name) => req.headers[name]?.toString(),
 *   handler: (_req, res, _next, { decision }) => res.end(`handled ${decision.violated.join(",")}`),
 * } satisfies Adapter<Request, RejectionHandler>);
 * ```
 */
export function adapterSuite<Req, Handler>(runner: SuiteRunner, adapter: Adapter<Req, Handler>): void {
  const context = createAdapterContext(runner, adapter);
  runner.describe("fields", () => fieldsGroup(context));
  runner.describe("answers", () => answersGroup(context));
  runner.describe("rejections", () => rejectionsGroup(context));
  runner.describe("clients", () => clientsGroup(context));
  runner.describe("policies and costs", () => policiesGroup(context));
  runner.describe("failures", () => failuresGroup(context));
  runner.describe("outages", () => outagesGroup(context));
  runner.describe("refunds by outcome", () => outcomesGroup(context));
  runner.describe("a dry run", () => dryRunGroup(context));
  runner.describe("transcript", () => transcriptGroup(context));
  runner.describe("warnings", () => warningsGroup(context));
}
