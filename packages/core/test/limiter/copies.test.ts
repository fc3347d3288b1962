import { createRequire } from "node:module";
import { memoryStore } from "@sluice/store-memory";
import { modelStore, threeMethodsOf } from "@sluice/testkit";
import { describe, expect, it } from "vitest";
import * as http from "../../src/http/index.js";
import * as core from "../../src/index.js";

type Core = typeof core;
type Http = typeof http;

const require = createRequire(import.meta.url);
/** The CommonJS copy stands for a package of another version. */
const copy: { core: Core; http: Http } = {
  core: require("../../dist/cjs/index.js"),
  http: require("../../dist/cjs/http/index.js"),
};
const here = { core, http };

interface Call {
  readonly from: string;
}

const port: http.HttpPort<Call> = {
  method: () => "GET",
  header: () => undefined,
  address: ({ from }) => from,
};

it("the ES module and the CommonJS copy are distinct", () => {
  expect(copy.core.createLimiter).not.toBe(here.core.createLimiter);
});

describe.each([
  ["a limiter of the CommonJS copy", copy, here],
  ["a limiter of the ES module", here, copy],
])("%s, used with the other copy", (_name, one, other) => {
  for (const [kind, makeStore] of [
    ["in memory", memoryStore],
    ["that decides", modelStore],
    ["of three methods", () => threeMethodsOf(modelStore())],
  ] as const) {
    const policyOf = (name: string, limit: number) => one.core.fixedWindow({ name, limit, window: "1h" });

    it(`limits and refunds as a middleware, on a store ${kind}`, async () => {
      const limiter = one.core.createLimiter({ store: makeStore(), policies: policyOf("all", 1) });
      const guard = other.http.createRateLimit<Call, never>(limiter, undefined, { refundWhen: () => true }, port);
      const first = await guard.check({ from: "192.0.2.1" });
      expect((await guard.check({ from: "192.0.2.1" }))?.denial?.status).toBe(429);
      await first?.settle?.({ status: 500, aborted: false });
      expect((await guard.check({ from: "192.0.2.1" }))?.denial).toBeUndefined();
    });

    it(`is charged together by limiters of both copies, on a store ${kind}`, async () => {
      const store = makeStore();
      const limiters = [
        one.core.createLimiter({ store, policies: policyOf("a", 5) }),
        other.core.createLimiter({ store, policies: policyOf("b", 2) }),
        one.core.createLimiter({ store, policies: policyOf("c", 9) }),
      ];
      const checks = limiters.map((limiter, i) => (i === 2 ? one : other).http.limit<Call>(limiter));
      const guard = other.http.createGuard(checks, {}, port);
      const statuses: (number | undefined)[] = [];
      for (let i = 0; i < 3; i++) statuses.push((await guard.check({ from: "192.0.2.1" }))?.denial?.status);
      expect(statuses).toEqual([undefined, undefined, 429]);
      const left = await Promise.all(limiters.map((limiter) => limiter.peek("192.0.2.1")));
      expect(left.map(({ remaining }) => remaining)).toEqual([3, 0, 7]);
    });
  }
});
