import type { Socket } from "node:net";
import { memoryStore } from "@sluice/store-memory";
import express, { type Request } from "express";
import { rateLimit as rateLimitElsewhere } from "express-rate-limit";
import { describe, expect, expectTypeOf, it } from "vitest";
import { type Decision, decisionOf, rateLimit } from "../src/index.js";
import { debounce, registeredClientOf, requireRegistered, sightingOf } from "../src/protections.js";

interface Mine {
  readonly mine: true;
}

/** An app may use each default name of the middleware for its own property. */
declare global {
  // biome-ignore lint/style/noNamespace: the way to extend Express's request type
  namespace Express {
    interface Request {
      rateLimit?: Mine;
      debounce?: Mine;
      block?: Mine;
      registeredClient?: Mine;
    }
  }
}

describe("an app with custom types for Express's request", () => {
  it("keeps its types", () => {
    expectTypeOf<Request["rateLimit"]>().toEqualTypeOf<Mine | undefined>();
    expectTypeOf<Request["debounce"]>().toEqualTypeOf<Mine | undefined>();
    expectTypeOf<Request["registeredClient"]>().toEqualTypeOf<Mine | undefined>();
    expectTypeOf<Request["socket"]>().toEqualTypeOf<Socket>();
    expectTypeOf<Request>().not.toHaveProperty("client");
  });

  it("can use the middleware with express-rate-limit, and read the results", () => {
    const app = express();
    app.use(rateLimitElsewhere(), rateLimit(memoryStore()), debounce(memoryStore()));
    app.use(requireRegistered(memoryStore(), { id: () => undefined }));
    app.use((req) => {
      expectTypeOf(decisionOf(req)).toEqualTypeOf<Decision | undefined>();
      expectTypeOf(sightingOf(req)?.duplicate).toEqualTypeOf<boolean | undefined>();
      expectTypeOf(registeredClientOf(req)?.id).toEqualTypeOf<string | undefined>();
    });
    expect(decisionOf({})).toBe(undefined);
  });
});
