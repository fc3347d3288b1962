import { SluiceError } from "@sluice/core";
import { type HttpPort, helpUrl } from "@sluice/core/http";
import { modelStore } from "@sluice/testkit";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  createBlocklist,
  createBlocklistGuard,
  createDebounceGuard,
  createDebouncer,
  createProtectGuard,
  createProtections,
  createRegistryGuard,
} from "../src/index.js";

interface Call {
  readonly from?: string;
  readonly key?: string;
  readonly target?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const port: HttpPort<Call> = {
  method: () => "POST",
  header: ({ fields = {} }, name) => fields[name],
  address: ({ from = "192.0.2.1" }) => from,
  target: ({ target = "/" }) => target,
  body: ({ body }) => body,
};

it("answers every address, key, path and body, or rejects with CLIENT_ADDRESS_UNUSABLE", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("::ffff:1.2.3.4", "10.0.0.0/33", "fe80::1%eth0", "__proto__", "\0", "1.2.3.4:80", "a/8"),
    fc.ipV4(),
    fc.ipV6(),
  );
  const protections = createProtections({ store: modelStore(), limiter: {} });
  await protections.blocklist.block("10.0.0.0/8");
  const byAddress = createProtectGuard<Call, never>(protections, {}, port);
  const byKey = createProtectGuard<Call, never>(protections, { key: ({ key = "" }) => `user ${key}` }, port);
  const blocked = createBlocklistGuard<Call, never>(protections.blocklist, { key: ({ key = "" }) => `${key}.` }, port);
  await fc.assert(
    fc.asyncProperty(text, text, text, fc.anything({ withNullPrototype: true }), async (from, key, target, body) => {
      const call: Call = { from, key, target, body, fields: { "content-length": "9" } };
      for (const guard of [byAddress, byKey, blocked]) {
        try {
          const verdict = await guard.check({ ...call });
          expect([undefined, 403, 409, 429]).toContain(verdict?.denial?.status);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
          expect(error).toMatchObject({ code: "CLIENT_ADDRESS_UNUSABLE" });
        }
      }
    }),
    { numRuns: 500 },
  );
  vi.restoreAllMocks();
});

it("debounce and protect share the windows of a debouncer", async () => {
  const store = modelStore();
  const protections = createProtections({ store, debounce: { window: "1h" } });
  const alone = createDebounceGuard<Call, never>(protections.debouncer, {}, port);
  const all = createProtectGuard<Call, never>(protections, {}, port);
  expect((await alone.check({}))?.denial).toBeUndefined();
  expect((await all.check({}))?.denial?.status).toBe(409);
  expect((await all.check({ target: "/b" }))?.denial).toBeUndefined();
  expect((await alone.check({ target: "/b" }))?.denial?.status).toBe(409);
});

it("guards warn of untrusted proxies, as rateLimit does", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const guard = createBlocklistGuard<Call, never>(
    modelStore(),
    { name: "door" },
    { ...port, proxyTrust: () => "nobody" },
  );
  await guard.check({ fields: { "x-forwarded-for": "203.0.113.7" } });
  expect(warn.mock.calls.map(([message]) => message)).toEqual([expect.stringMatching(/FORWARDING_IGNORED.*door/)]);
  warn.mockRestore();
});

it("guards pass on errors of the app's functions", async () => {
  const fail = (): never => {
    throw new Error("by the app");
  };
  const store = modelStore();
  const guards = [
    createDebounceGuard<Call, never>(store, { fingerprint: fail }, port),
    createDebounceGuard<Call, never>(store, { key: fail }, port),
    createDebounceGuard<Call, never>(store, { skip: fail }, port),
    createBlocklistGuard<Call, never>(store, { key: fail }, port),
    createRegistryGuard<Call, never>(store, { id: fail }, port),
    createProtectGuard<Call, never>(createProtections({ store }), { fingerprint: fail }, port),
    createProtectGuard<Call, never>(createProtections({ store }), { cost: fail }, port),
  ];
  for (const guard of guards) await expect((async () => guard.check({}))()).rejects.toThrow("by the app");
});

it("debounce warns once if it could not forget a window", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const debouncer = createDebouncer({ store: modelStore(), window: "1h" });
  const forgetWhen = vi.fn(() => true);
  const guard = createDebounceGuard<Call, never>(debouncer, { forgetWhen }, port);
  const settle = async (target: string, aborted: boolean) => {
    const verdict = await guard.check({ target });
    await verdict?.settle?.({ status: 500, aborted });
  };
  await settle("/a", true);
  expect(forgetWhen).not.toHaveBeenCalled();
  expect((await guard.check({ target: "/a" }))?.denial?.status).toBe(409);
  const pending = [guard.check({ target: "/b" }), guard.check({ target: "/c" })];
  const verdicts = await Promise.all(pending);
  await debouncer.close();
  for (const verdict of verdicts) await verdict?.settle?.({ status: 500, aborted: false });
  expect(warn.mock.calls.map(([message]) => message)).toEqual([
    "[sluice] FORGET_FAILED (debounce): repeats of a request count as duplicates until its window ends: CLOSED. " +
      `See ${helpUrl("FORGET_FAILED")}`,
  ]);
  warn.mockRestore();
});

describe("wrong arguments", () => {
  const store = modelStore();
  const made = createDebouncer({ store, window: "1s" });
  const list = createBlocklist({ store });

  it.each<[string, () => unknown, string, string]>([
    ["debounce", () => createDebounceGuard(store, { windwo: "1s" } as object, port), "UNKNOWN_OPTION", "window"],
    ["debounce", () => createDebounceGuard(store, { window: 0 }, port), "INVALID_OPTION", "window"],
    ["debounce", () => createDebounceGuard(made, { window: "2s" }, port), "INVALID_OPTION", "createDebouncer"],
    [
      "debounce",
      () => createDebounceGuard(store, { fingerprint: "body" as never }, port),
      "INVALID_OPTION",
      "fingerprint",
    ],
    ["debounce", () => createDebounceGuard(store, { methods: ["post"] }, port), "INVALID_OPTION", "methods"],
    ["debounce", () => createDebounceGuard(store, { handler: 7 as never }, port), "INVALID_OPTION", "handler"],
    ["debounce", () => createDebounceGuard(store, { forgetWhen: true as never }, port), "INVALID_OPTION", "forgetWhen"],
    ["debounce", () => createDebounceGuard(store, { statusCode: 200 }, port), "INVALID_OPTION", "statusCode"],
    ["debounce", () => createDebounceGuard(store, { message: 7 as never }, port), "INVALID_OPTION", "message"],
    ["debounce", () => createDebounceGuard({} as never, {}, port), "INVALID_STORE", "store"],
    ["blocklist", () => createBlocklistGuard(list, { staleFor: "2s" }, port), "INVALID_OPTION", "createBlocklist"],
    ["blocklist", () => createBlocklistGuard(store, { type: "" }, port), "INVALID_OPTION", "type"],
    ["blocklist", () => createBlocklistGuard(undefined as never, {}, port), "INVALID_STORE", "store"],
    ["requireRegistered", () => createRegistryGuard(store, {} as never, port), "INVALID_OPTION", "id"],
    [
      "requireRegistered",
      () => createRegistryGuard(store, { id: () => "a", key: 7 } as never, port),
      "UNKNOWN_OPTION",
      "id",
    ],
  ])("refuses options of %s: %#", (_name, make, code, named) => {
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(named) }));
  });

  it.each<[object, string]>([
    [{ policies: [] }, "UNKNOWN_OPTION"],
    [{ window: "1s" }, "UNKNOWN_OPTION"],
    [{ blocked: { statusCode: 1 } }, "INVALID_OPTION"],
    [{ blocked: { statusCod: 410 } }, "UNKNOWN_OPTION"],
    [{ duplicate: { message: 1 } }, "INVALID_OPTION"],
    [{ cost: 0 }, "INVALID_COST"],
    [{ headers: "draft-1" }, "INVALID_OPTION"],
    [{ handler: 1 }, "INVALID_OPTION"],
    [{ dryRun: "yes" }, "INVALID_OPTION"],
    [{ id: () => "a" }, "INVALID_OPTION"],
    [{ unregistered: { statusCod: 410 } }, "UNKNOWN_OPTION"],
  ])("refuses options of protect: %j", async (options, code) => {
    const protections = createProtections({ store });
    expect(() => createProtectGuard(protections, options as object, port)).toThrow(expect.objectContaining({ code }));
  });
});
