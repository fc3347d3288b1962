import { memoryStore } from "@sluice/store-memory";
import Koa, { type DefaultState } from "koa";
import { describe, expect, expectTypeOf, it } from "vitest";
import { type Decision, decisionOf, rateLimit } from "../src/index.js";
import { registeredClientOf, requireRegistered, sightingOf } from "../src/protections.js";

interface Mine {
  readonly mine: true;
}

/** An app may use each default name of the middleware for its own property. */
declare module "koa" {
  interface DefaultState {
    rateLimit?: Mine;
    debounce?: Mine;
    client?: Mine;
    registeredClient?: Mine;
  }
}

describe("an app with custom types for Koa's state", () => {
  it("keeps its types, and can read the results of the middleware", () => {
    const app = new Koa();
    app.use(rateLimit(memoryStore())).use(requireRegistered(memoryStore(), { id: () => undefined }));
    app.use((ctx) => {
      expectTypeOf(decisionOf(ctx)).toEqualTypeOf<Decision | undefined>();
      expectTypeOf(sightingOf(ctx)?.duplicate).toEqualTypeOf<boolean | undefined>();
      expectTypeOf(registeredClientOf(ctx)?.id).toEqualTypeOf<string | undefined>();
    });
    expectTypeOf<DefaultState["client"]>().toEqualTypeOf<Mine | undefined>();
    expectTypeOf<DefaultState["rateLimit"]>().toEqualTypeOf<Mine | undefined>();
    expect(decisionOf({ state: {} })).toBe(undefined);
  });
});
