import { memoryStore } from "@sluice/store-memory";
import { type ContextVariableMap, Hono } from "hono";
import { describe, expect, expectTypeOf, it } from "vitest";
import { type Decision, decisionOf, rateLimit } from "../src/index.js";
import { registeredClientOf, requireRegistered, sightingOf } from "../src/protections.js";

interface Mine {
  readonly mine: true;
}

/** An app may use each default name of the middleware for its own variable. */
declare module "hono" {
  interface ContextVariableMap {
    rateLimit: Mine;
    debounce: Mine;
    client: Mine;
    registeredClient: Mine;
  }
}

describe("an app with custom types for Hono's variables", () => {
  it("keeps its types, and can read the results of the middleware", async () => {
    const app = new Hono<{ Variables: { user: string } }>();
    app.use(rateLimit(memoryStore(), { key: () => "somebody" }));
    app.use(requireRegistered(memoryStore(), { id: () => undefined, skip: () => true }));
    app.get("/", (c) => {
      expectTypeOf(decisionOf(c)).toEqualTypeOf<Decision | undefined>();
      expectTypeOf(sightingOf(c)?.duplicate).toEqualTypeOf<boolean | undefined>();
      expectTypeOf(registeredClientOf(c)?.id).toEqualTypeOf<string | undefined>();
      expectTypeOf(c.get("rateLimit")).toEqualTypeOf<Mine>();
      return c.json([decisionOf(c)?.remaining, registeredClientOf(c) ?? null]);
    });
    expectTypeOf<ContextVariableMap["client"]>().toEqualTypeOf<Mine>();
    expect(await (await app.request("/")).json()).toEqual([99, null]);
  });
});
