import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { createLimiter, fixedWindow } from "@sluice/core";
import { helpUrl } from "@sluice/core/http";
import type { AdapterContext } from "./context.js";

/** Each configuration mistake is reported once. */
export function warningsGroup<Req, Handler>({ test }: AdapterContext<Req, Handler>): void {
  const policies = fixedWindow({ limit: 9, window: "10s" });
  const forwarded: RequestInit = { headers: { "x-forwarded-for": "192.0.2.1" } };
  const codes = (warnings: readonly string[]) => warnings.map((text) => /\] (\w+)/.exec(text)?.[1]);

  test("are not sent if there is no mistake", async ({ serve, ask, quiet, store, clock }) => {
    const warnings = quiet();
    const limiter = createLimiter({ store, policies, clock });
    const uses = ["ada", "grace"].map((name) => ({ of: limiter, options: { key: () => name } }));
    await ask(await serve({ uses }), { status: 200 }, forwarded);
    await ask(await serve({}, { policies }), { status: 200 });
    await ask(await serve({ trustProxy: true }, { policies }), { status: 200 }, forwarded);
    deepStrictEqual(warnings, []);
  });

  for (const name of ["x-forwarded-for", "forwarded"]) {
    test(`report ${name} if no proxy is trusted`, async ({ serve, ask, quiet }) => {
      const warnings = quiet();
      const server = await serve({}, { policies, name: "login" });
      await ask(server, { status: 200 });
      deepStrictEqual(warnings, []);
      const init = { headers: { [name]: "for=192.0.2.1" } };
      for (let i = 0; i < 3; i++) await ask(server, { status: 200 }, init);
      const text = `a request has ${name}, but no proxy is trusted. See ${helpUrl("FORWARDING_IGNORED")}`;
      deepStrictEqual(warnings, [`[sluice] FORWARDING_IGNORED (rateLimit "login"): ${text}`]);
    });
  }

  for (const name of ["true-client-ip", "x-real-ip"]) {
    test(`report ${name} if no proxy is trusted`, async ({ serve, ask, quiet }) => {
      const warnings = quiet();
      const server = await serve({}, { policies });
      for (let i = 0; i < 2; i++) await ask(server, { status: 200 }, { headers: { [name]: "192.0.2.1" } });
      deepStrictEqual(codes(warnings), ["FORWARDING_IGNORED"]);
      ok(warnings[0]?.includes(name), warnings[0]);
    });
  }

  test("report that every proxy is trusted", async ({ serve, ask, quiet }) => {
    const warnings = quiet();
    const server = await serve({ trustProxy: "everyone" }, { policies });
    for (let i = 0; i < 3; i++) await ask(server, { status: 200 }, forwarded);
    deepStrictEqual(codes(warnings), ["EVERY_PROXY_TRUSTED"]);
  });

  test("report a limiter that is used twice for a request", async ({ serve, ask, quiet, store, clock }) => {
    const warnings = quiet();
    const limiter = createLimiter({ store, policies, clock });
    const server = await serve({ uses: [{ of: limiter }, { of: limiter }] });
    for (let i = 0; i < 3; i++) await ask(server, { status: 200 });
    deepStrictEqual(codes(warnings), ["LIMITED_TWICE"]);
  });

  test("report two uses of one store that count together", async ({ serve, ask, quiet, store, clock }) => {
    const warnings = quiet();
    const server = await serve({
      uses: [
        { of: store, policies, options: { clock } },
        { of: store, policies, options: { clock } },
      ],
    });
    await ask(server, { status: 200 });
    deepStrictEqual(codes(warnings), ["LIMITED_TWICE"]);
  });

  test("report two different policies with the same name and prefix", async ({ serve, quiet, store }) => {
    const warnings = quiet();
    await serve({}, { policies });
    await serve({}, { policies });
    equal(warnings.length, 0);
    await serve({ uses: [{ of: store, policies: fixedWindow({ limit: 8, window: "10s" }) }] });
    deepStrictEqual(codes(warnings), ["POLICY_CONFLICT"]);
    await serve({
      uses: [{ of: store, policies: fixedWindow({ limit: 7, window: "10s" }), options: { prefix: "x" } }],
    });
    equal(warnings.length, 1);
  });

  test("report a shared limiter whose policy has other numbers elsewhere", async ({ serve, quiet, store, clock }) => {
    const warnings = quiet();
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 8, window: "10s" }), clock });
    await serve({ uses: [{ of: limiter }, { of: limiter }] });
    equal(warnings.length, 0);
    await serve({}, { policies });
    await serve({ uses: [{ of: createLimiter({ store, policies, clock, prefix: "x" }) }] });
    deepStrictEqual(codes(warnings), ["POLICY_CONFLICT"]);
  });

  test("report a limiter and a use of its store that count together", async ({ serve, ask, quiet, store, clock }) => {
    const warnings = quiet();
    const limiter = createLimiter({ store, policies, clock });
    const server = await serve({ uses: [{ of: limiter }, { of: store, policies, options: { clock } }] });
    await ask(server, { status: 200 });
    deepStrictEqual(codes(warnings), ["LIMITED_TWICE"]);
  });
}
