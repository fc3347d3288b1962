import { deepStrictEqual, equal } from "node:assert/strict";
import { createLimiter, fixedWindow, type LimiterKey, SluiceError } from "@sluice/core";
import { type AdapterContext, client, sameError } from "./context.js";
import { until } from "./until.js";

/** Clients are identified by address or by a key. */
export function clientsGroup<Req, Handler>({ test, adapter }: AdapterContext<Req, Handler>): void {
  const policies = fixedWindow({ limit: 1, window: "10s" });
  const from = (address: string): RequestInit => ({ headers: { "x-forwarded-for": address } });

  test("are identified by their address, in any spelling", async ({ serve, ask }) => {
    const server = await serve({ trustProxy: true }, { policies });
    await ask(server, { status: 200 }, from("192.0.2.1"));
    await ask(server, { status: 429 }, from("192.0.2.1"));
    await ask(server, { status: 429 }, from("::ffff:192.0.2.1"));
    await ask(server, { status: 429 }, from("::FFFF:c000:201"));
    await ask(server, { status: 200 }, from("192.0.2.2"));
  });

  test("have one limit even if a proxy writes ports and brackets", async ({ serve, ask }) => {
    const server = await serve({ trustProxy: true }, { policies });
    await ask(server, { status: 200 }, from("192.0.2.1:51234"));
    for (const same of [
      "192.0.2.1:51235",
      "192.0.2.1",
      "[::ffff:192.0.2.1]:80",
      '"192.0.2.1:80"',
      "junk, 192.0.2.1:1",
    ]) {
      await ask(server, { status: 429 }, from(same));
    }
    await ask(server, { status: 200 }, from("192.0.2.2:51234"));
    await ask(server, { status: 200 }, from("[2001:db8::1]:443"));
    for (const same of ["[2001:db8::2]:444", "[2001:db8::3]", "2001:db8::4"]) {
      await ask(server, { status: 429 }, from(same));
    }
  });

  test("are found among empty elements", async ({ serve, ask }) => {
    const server = await serve({ trustProxy: true }, { policies });
    await ask(server, { status: 200 }, from("192.0.2.1"));
    for (const same of ["192.0.2.1,", ", 192.0.2.1 , ,", "junk,,192.0.2.1:80,"]) {
      await ask(server, { status: 429 }, from(same));
    }
    await ask(server, { status: 200 }, from("192.0.2.2, ,"));
  });

  test("that write junk before the proxy's part are limited, even if junk is skipped", async ({ serve, ask }) => {
    const server = await serve({ trustProxy: true }, { policies, unusableAddress: "skip" });
    await ask(server, { status: 200 }, from("192.0.2.1"));
    for (const junk of ["<script>", "unknown", "for=x", ",,", '"', "6.6.6.6:99999:1"]) {
      await ask(server, { status: 429 }, from(`${junk}, 192.0.2.1`));
    }
  });

  test("with IPv6 are identified by a network of 56 bits", async ({ serve, ask }) => {
    const server = await serve({ trustProxy: true }, { policies });
    await ask(server, { status: 200 }, from("2001:db8:0:100::1"));
    await ask(server, { status: 429 }, from("2001:DB8:0:01ff:ffff::"));
    await ask(server, { status: 200 }, from("2001:db8:0:200::1"));
  });

  test("with IPv6 are identified by a network of the configured size", async ({ serve, ask }) => {
    const server = await serve({ trustProxy: true }, { policies, ipv6Prefix: 64 });
    await ask(server, { status: 200 }, from("2001:db8:0:100::1"));
    await ask(server, { status: 429 }, from("2001:db8:0:100::2"));
    await ask(server, { status: 200 }, from("2001:db8:0:101::1"));
  });

  test("cannot choose their address if no proxy is trusted", async ({ serve, ask, quiet }) => {
    quiet();
    const server = await serve({}, { policies });
    await ask(server, { status: 200 }, from("192.0.2.1"));
    await ask(server, { status: 429 }, from("192.0.2.2"));
  });

  for (const address of ["<script>", "unknown"]) {
    test(`without a usable address (${address}) cause an error by default, and are skipped or share a limit if configured`, async ({
      serve,
      ask,
      quiet,
    }) => {
      quiet();
      const server = await serve({ trustProxy: true }, { policies });
      await ask(server, { status: 500, fields: { RateLimit: null } }, from(address));
      sameError(server, "CLIENT_ADDRESS_UNUSABLE");
      const skipping = await serve({ trustProxy: true }, { policies, unusableAddress: "skip" });
      for (let i = 0; i < 3; i++) await ask(skipping, { status: 200, fields: { RateLimit: null } }, from(address));
      const sharing = await serve({ trustProxy: true }, { policies, unusableAddress: "shared" });
      await ask(sharing, { status: 200 }, from(address));
      await ask(sharing, { status: 429 }, from("<another>"));
      await ask(sharing, { status: 200 }, from("192.0.2.1"));
    });
  }

  for (const unusableAddress of ["error", "shared"] as const) {
    test(`that left before the limiter ran cause no error and no warning ("${unusableAddress}")`, async (tools) => {
      const { serve, ask, quiet } = tools;
      const warnings = quiet();
      let asked = 0;
      let isReleased = false;
      // Each request waits with its own timers, since some runtimes do not resume the timers of another request.
      const skip = async () => {
        asked++;
        while (!isReleased) await new Promise((resolve) => setTimeout(resolve, 2));
        return false;
      };
      const server = await serve({}, { policies: fixedWindow({ limit: 9, window: "10s" }), skip, unusableAddress });
      const leave = new AbortController();
      const left = Array.from({ length: 3 }, () => fetch(server.url, { signal: leave.signal }).catch(() => "left"));
      await until(() => asked === 3);
      leave.abort();
      deepStrictEqual(await Promise.all(left), ["left", "left", "left"]);
      // Long enough for a server in the same process to notice.
      for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 2));
      isReleased = true;
      await ask(server, { status: 200 });
      deepStrictEqual([warnings, server.errors.filter((error) => error instanceof SluiceError)], [[], []]);
    });
  }

  for (const later of [false, true]) {
    test(`are identified by the key function${later ? ", also asynchronously" : ""}`, async ({ serve, ask }) => {
      const find = (request: Req): string => adapter.header(request, "x-client") ?? "nobody";
      const key = later ? async (request: Req) => find(request) : find;
      const server = await serve({}, { policies, key });
      await ask(server, { status: 200 }, client("ada"));
      await ask(server, { status: 429 }, client("ada"));
      await ask(server, { status: 200 }, client("grace"));
    });
  }

  test("may have a different key for each policy", async ({ serve, ask }) => {
    const each = fixedWindow({ name: "each", limit: 1, window: "10s" });
    const all = fixedWindow({ name: "all", limit: 2, window: "10s" });
    const key = (request: Req) => ({ each: adapter.header(request, "x-client") ?? "nobody", all: "all" });
    const server = await serve({}, { policies: [each, all], key });
    await ask(server, { status: 200 }, client("ada"));
    await ask(server, { status: 429, fields: { RateLimit: '"each";r=0;t=10, "all";r=1;t=10' } }, client("ada"));
    await ask(server, { status: 200 }, client("grace"));
    await ask(server, { status: 429, fields: { RateLimit: '"each";r=1;t=0, "all";r=0;t=10' } }, client("linus"));
  });

  for (const later of [false, true]) {
    test(`are stored under the result of hashKey${later ? ", also asynchronously" : ""}`, async ({
      serve,
      ask,
      store,
      clock,
    }) => {
      const hash = (key: string): string => `#${key.length}`;
      const hashKey = later ? async (key: string) => hash(key) : hash;
      const limiter = createLimiter({ store, policies, clock });
      const server = await serve({ uses: [{ of: limiter, options: { hashKey, key: () => "lovelace" } }] });
      await ask(server, { status: 200 });
      await ask(server, { status: 429 });
      equal(await limiter.allow("lovelace"), true);
      equal(await limiter.allow("#8"), false);
    });
  }

  const badKeys: readonly (readonly [what: string, key: unknown])[] = [
    ["empty", ""],
    ["undefined", undefined],
    ["null", null],
    ["a number", 42],
    ["an array", ["ada"]],
    ["an object without the policy", {}],
    ["an object with another policy", { default: "ada", other: "ada" }],
  ];
  for (const [what, key] of badKeys) {
    test(`with a key that is ${what} cause an error, and are never let through`, async ({ serve, ask, store }) => {
      const now = await serve({}, { policies, key: () => key as LimiterKey });
      await ask(now, { status: 500, fields: { RateLimit: null } });
      sameError(now, "INVALID_KEY");
      const limiter = createLimiter({ store, policies });
      const later = await serve({ uses: [{ of: limiter, options: { key: async () => key as LimiterKey } }] });
      await ask(later, { status: 500, fields: { RateLimit: null } });
      sameError(later, "INVALID_KEY");
    });
  }

  for (const later of [false, true]) {
    test(`are skipped by the skip option${later ? ", also asynchronously" : ""}`, async ({ serve, ask }) => {
      const find = (request: Req): boolean => adapter.header(request, "x-client") === "monitor";
      const skip = later ? async (request: Req) => find(request) : find;
      const server = await serve({ route: "decision" }, { policies, skip });
      for (let i = 0; i < 3; i++) {
        await ask(server, { status: 200, fields: { RateLimit: null }, body: "null" }, client("monitor"));
      }
      await ask(server, { status: 200, fields: { RateLimit: '"default";r=0;t=10' } }, client("ada"));
      await ask(server, { status: 429 }, client("ada"));
    });
  }

  test("cause an error if skip returns a value that is not a boolean", async ({ serve, ask }) => {
    const server = await serve({}, { policies, skip: () => "false" as unknown as boolean });
    await ask(server, { status: 500 });
    sameError(server, "INVALID_OPTION");
  });
}
