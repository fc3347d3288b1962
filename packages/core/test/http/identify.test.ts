import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createRateLimit, type HttpPort, type RateLimitOptionsOf } from "../../src/http/index.js";
import { mapStore } from "./map-store.js";

interface Call {
  readonly method?: string;
  readonly address?: string;
  readonly reread?: string;
  readonly left?: boolean;
  readonly fields?: Readonly<Record<string, string>>;
}

const ADA: Call = { address: "192.0.2.1" };

function setUp(options: RateLimitOptionsOf<Call> = {}, port: Partial<HttpPort<Call>> = {}) {
  const store = mapStore();
  const guard = createRateLimit<Call, never>(store, undefined, options, {
    method: (call) => call.method ?? "GET",
    header: (call, name) => call.fields?.[name],
    address: (call) => call.address,
    ...port,
  });
  return { check: (call: Call) => guard.check(call), keys: () => store.keys().map((key) => key.split(":").at(-1)) };
}

let warned: ReturnType<typeof vi.spyOn>;
const warnings = () => warned.mock.calls.map((args: unknown[]) => String(args[0]));

beforeEach(() => {
  warned = vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

const unusable = expect.objectContaining({ code: "CLIENT_ADDRESS_UNUSABLE" });

describe("a CORS preflight", () => {
  const preflight: Call = { ...ADA, method: "OPTIONS", fields: { "access-control-request-method": "POST" } };

  it("is allowed without a charge", () => {
    const { check, keys } = setUp();
    expect(check(preflight)).toBeUndefined();
    expect(keys()).toEqual([]);
  });

  it("is charged with chargePreflight", () => {
    const { check, keys } = setUp({ chargePreflight: true });
    expect(check(preflight)).toBeDefined();
    expect(keys()).toEqual(["192.0.2.1"]);
  });

  it.each([
    { ...preflight, method: "GET" },
    { ...preflight, fields: {} },
  ])("does not include %o", (call) => {
    expect(setUp().check(call)).toBeDefined();
  });
});

describe("the option skip", () => {
  it.each([true, Promise.resolve(true)])("skips the check if it returns %o", async (result) => {
    const { check, keys } = setUp({ skip: () => result });
    expect(await check(ADA)).toBeUndefined();
    expect(keys()).toEqual([]);
  });

  it.each([false, undefined])("checks the request if it returns %o", (result) => {
    expect(setUp({ skip: () => result }).check(ADA)).toBeDefined();
  });

  it.each([0, 1, "", "yes", null])("refuses the result %o", (result) => {
    const { check } = setUp({ skip: () => result as unknown as boolean });
    expect(() => check(ADA)).toThrow('option "skip" must return true or false');
  });
});

describe("a request without an IP address", () => {
  it("fails by default, and logs the address", () => {
    const { check } = setUp();
    expect(() => check({ address: "nonsense" })).toThrow(unusable);
    expect(() => check({})).toThrow("the client address is undefined: see");
    expect(() => check({ address: "nonsense" })).toThrow("the client address is not an IP address: see");
    expect(warnings()).toEqual([
      expect.stringContaining('a client address was "nonsense", which is not an IP address.'),
    ]);
  });

  it.each<[options: RateLimitOptionsOf<Call>, keys: string[]]>([
    [{ dryRun: true }, []],
    [{ unusableAddress: "skip" }, []],
    [{ unusableAddress: "skip", hashKey: (key) => `<${key}>` }, []],
    [{ unusableAddress: "shared" }, ["unusable-address"]],
    [{ unusableAddress: "shared", dryRun: true }, ["unusable-address"]],
  ])("with %o is counted for the keys %j", (options, expected) => {
    const { check, keys } = setUp(options);
    expect(check({}) === undefined).toBe(expected.length === 0);
    expect(keys()).toEqual(expected);
  });

  it('fails in a dry run if unusableAddress is "error"', () => {
    expect(() => setUp({ dryRun: true, unusableAddress: "error" }).check({})).toThrow(unusable);
  });

  it("is read again without what proxies add to an address", () => {
    const { check, keys } = setUp({}, { reread: (call) => call.reread });
    check({ address: "192.0.2.1:80", reread: "192.0.2.1" });
    expect(keys()).toEqual(["192.0.2.1"]);
    expect(warnings()).toEqual([]);
  });

  it("fails without a warning when the client has left", () => {
    const port = { hasLeft: (call: Call) => call.left === true };
    for (const options of [{}, { unusableAddress: "shared" as const }]) {
      expect(() => setUp(options, port).check({ left: true })).toThrow(unusable);
    }
    expect(warnings()).toEqual([]);
    expect(setUp({ unusableAddress: "shared" }, port).check({ left: false })).toBeDefined();
    expect(setUp({ unusableAddress: "skip" }, port).check({ left: true })).toBeUndefined();
    expect(warnings()).toHaveLength(2);
  });
});

describe("a warning about proxies", () => {
  const trusting = (proxyTrust: "nobody" | "some" | "everyone") => ({ proxyTrust: () => proxyTrust });

  it("is logged if all proxies are trusted", () => {
    setUp({}, trusting("everyone")).check(ADA);
    expect(warnings()).toEqual([
      expect.stringContaining("EVERY_PROXY_TRUSTED: every client can choose the address by which it is limited."),
    ]);
  });

  it.each(["x-forwarded-for", "forwarded", "cf-connecting-ip", "true-client-ip", "fly-client-ip", "x-real-ip"])(
    "is logged if no proxy is trusted and requests have %s",
    (field) => {
      setUp({}, trusting("nobody")).check({ ...ADA, fields: { [field]: "203.0.113.9" } });
      expect(warnings()).toEqual([
        expect.stringContaining(`FORWARDING_IGNORED: a request has ${field}, but no proxy is trusted.`),
      ]);
    },
  );

  it("is not logged if the address comes from a platform's field, or for other fields", () => {
    const { check } = setUp({}, trusting("nobody"));
    check({ ...ADA, fields: { "cf-connecting-ip": "192.0.2.1", "x-request-id": "5" } });
    check(ADA);
    expect(warnings()).toEqual([]);
  });

  it("is not logged if some proxies are trusted, or if nothing is known", () => {
    const call = { ...ADA, fields: { forwarded: "for=203.0.113.9" } };
    setUp({}, trusting("some")).check(call);
    setUp().check(call);
    expect(warnings()).toEqual([]);
  });

  it("is considered for the first hundred requests, unless the app chooses the key", () => {
    let asked = 0;
    const port = {
      proxyTrust: () => {
        asked++;
        return "some" as const;
      },
    };
    const { check } = setUp({}, port);
    for (let i = 0; i < 150; i++) check(ADA);
    expect(asked).toBe(100);
    setUp({ key: () => "ada" }, port).check(ADA);
    expect(asked).toBe(100);
  });
});
