import { memoryStore } from "@sluice/store-memory";
import Koa, { type DefaultState } from "koa";
import { describe, expect, expectTypeOf, it } from "vitest";
import { type Decision, decisionOf, rateLimit } from "../src/index.js";
import { registeredClientOf, requireRegistered, sightingOf } from "../src/protections.js";

interface Mine {
  readonly mine: true;
}

/** Every name that the middleware uses by default may be the app's own. */
declare module "koa" {
  interface DefaultState {
    rateLimit?: Mine;
    debounce?: Mine;
    client?: Mine;
    registeredClient?: Mine;
  }
}

describe("an app with custom types for Koa's state", () => {
  it("keeps them, and reads the result of the middleware", () => {
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
