import { afterEach, describe, expect, it, vi } from "vitest";
import {
  createRateLimit,
  type Guard,
  type LimitDenial,
  type Policies,
  policiesAndOptions,
  type RateLimitOptionsOf,
  type Verdict,
} from "../../src/http/index.js";
import {
  createLimiter,
  type Decision,
  fixedWindow,
  type Limiter,
  type Policy,
  type Store,
  tokenBucket,
} from "../../src/index.js";
import { mapStore } from "./map-store.js";
import vectors from "./vectors.json" with { type: "json" };

interface Call {
  readonly method?: string;
  readonly address?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

/** The options with `policies` added, which a guard takes as a separate argument. */
type Options = RateLimitOptionsOf<Call, () => void> & { policies?: Policies<Call> | undefined };

type TestedGuard = Guard<Call, () => void, LimitDenial>;

function guardOf(given: Options = {}, of: Store | Limiter = mapStore()): TestedGuard {
  const isObject = typeof given === "object" && given !== null;
  const { policies: argument, ...rest } = isObject ? given : {};
  const second = isObject && "policies" in given ? argument : isObject ? rest : given;
  const { policies, options } = policiesAndOptions<Call, RateLimitOptionsOf<Call, () => void>>(
    second,
    isObject && "policies" in given ? rest : undefined,
  );
  return createRateLimit(of, policies, options, {
    method: (call) => call.method ?? "GET",
    header: (call, name) => call.fields?.[name],
    address: (call) => call.address,
  });
}

const ADA: Call = { address: "192.0.2.1" };

/** The verdict of a guard that decides synchronously. */
function at(guard: TestedGuard, call: Call = { ...ADA }): Verdict<LimitDenial> & { decision: Decision } {
  const verdict = guard.check(call);
  if (verdict === undefined || verdict instanceof Promise) throw new Error("no verdict yet");
  return { ...verdict, decision: verdict.found as Decision };
}

const refuses = (code: string, text: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a guard", () => {
  it("decides synchronously if its store does", () => {
    expect(guardOf().check(ADA)).not.toBeInstanceOf(Promise);
    expect(
      guardOf({ skip: () => false, key: () => "ada", cost: () => 2, policies: () => tokenBucket() }).check(ADA),
    ).toEqual(expect.objectContaining({ denial: undefined }));
  });

  it("decides asynchronously if a function in its options returns a promise, of any library", async () => {
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library
    const later = <T>(value: T) => ({ then: (resolve: (value: T) => void) => resolve(value) }) as unknown as Promise<T>;
    const options: Options[] = [
      { skip: () => later(false) },
      { key: () => later("ada") },
      { cost: () => later(1) },
      { policies: () => later(tokenBucket()) },
    ];
    for (const option of options) {
      const checked = guardOf(option).check(ADA);
      expect(checked).toBeInstanceOf(Promise);
      expect((await checked)?.found).toMatchObject({ remaining: 99 });
    }
  });

  it("reuses the policy field for every decision of a limiter", () => {
    const guard = guardOf();
    expect(at(guard).fields[0]).toBe(at(guard, { address: "192.0.2.2" }).fields[0]);
  });

  it("has the name of the property and the handler", () => {
    const handler = () => {};
    expect(guardOf({ handler, requestProperty: "quota" })).toMatchObject({ handler, properties: ["quota"] });
    expect(guardOf()).toMatchObject({ handler: undefined, properties: ["rateLimit"] });
  });

  it("sends the unit in the policy field", () => {
    expect(at(guardOf({ unit: "content-bytes" })).fields[0]?.value).toBe('"default";q=100;qu="content-bytes";w=1');
  });

  it("warns of an unusable address once", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const guard = guardOf();
    for (let i = 0; i < 3; i++) expect(() => guard.check({ address: "x\nforged line" })).toThrow();
    expect(() => guard.check({})).toThrow(refuses("CLIENT_ADDRESS_UNUSABLE", "undefined"));
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/CLIENT_ADDRESS_UNUSABLE.*docs\/errors/)]]);
    expect(warn.mock.calls[0]?.[0]).not.toContain("\n");
  });

  it("keeps the shared key distinct from every address", () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const store = mapStore();
    const guard = guardOf({ unusableAddress: "shared" }, store);
    at(guard, {});
    at(guard, { address: "nonsense" });
    expect(store.keys()).toEqual(["sluice:default:token-bucket:unusable-address"]);
  });

  it("refuses invalid keys of every kind", () => {
    const circle: Record<string, unknown> = {};
    circle.default = circle;
    for (const none of [7, 7n, null, undefined, Symbol("key"), ["a"], circle, { default: 7n }]) {
      expect(() => guardOf({ key: () => none as unknown as string }).check({ ...ADA })).toThrow(
        refuses("INVALID_KEY", "must be a non-empty string"),
      );
    }
  });

  it("returns the answer of every vector for a denial", () => {
    for (const { status, contentType, body } of vectors.problem) {
      const policies = body["violated-policies"].map((name) => fixedWindow({ name, limit: 1, window: "1d" }));
      const { denial } = at(guardOf({ policies, cost: 2 }));
      expect(denial).toMatchObject({ status, contentType });
      expect(JSON.parse(denial?.body ?? "")).toEqual(body);
    }
  });
});

describe("policies by request", () => {
  /** A guard whose requests choose their policies, and the number of limiters it created. */
  function counting() {
    const store = mapStore();
    let made = 0;
    // Every new limiter reads this property of its store.
    Object.defineProperty(store, "algorithms", {
      get() {
        made++;
        return new Set(["fixed-window"]);
      },
    });
    let policies: Policy | readonly Policy[] = [];
    const guard = guardOf({ policies: () => policies }, store);
    return {
      made: () => made,
      ask(given: Policy | readonly Policy[]) {
        policies = given;
        return at(guard).fields[0]?.value;
      },
    };
  }
  const window = (limit: number) => fixedWindow({ limit, window: "1m" });

  it("create one limiter for each different content", () => {
    const { ask, made } = counting();
    const kept = window(5);
    ask(kept);
    const after = made();
    for (let i = 0; i < 10; i++) {
      ask(kept);
      ask([kept]);
      ask(window(5));
      ask({ ...kept });
    }
    expect(made()).toBe(after);
    expect(ask(window(6))).toBe('"default";q=6;w=60');
    expect(made()).toBeGreaterThan(after);
  });

  it("may be objects that change", () => {
    const { ask } = counting();
    const changing = { ...window(5) };
    expect(ask(changing)).toBe('"default";q=5;w=60');
    expect(ask(Object.assign(changing, { limit: 6 }))).toBe('"default";q=6;w=60');
    const array = [window(7)];
    expect(ask(array)).toBe('"default";q=7;w=60');
    array[0] = window(8);
    expect(ask(array)).toBe('"default";q=8;w=60');
    array.push(fixedWindow({ name: "other", limit: 1, window: "1m" }));
    expect(ask(array)).toBe('"default";q=8;w=60, "other";q=1;w=60');
    array.pop();
    expect(ask(array)).toBe('"default";q=8;w=60');
  });

  it("are cached up to a maximum, and the least recently used are evicted first", () => {
    const { ask, made } = counting();
    ask(window(1));
    ask(window(2));
    const each = made() / 3;
    for (let limit = 3; limit <= 1_000; limit++) ask(window(limit));
    ask(window(1));
    ask(window(1_001));
    const before = made();
    ask(window(1));
    expect(made() - before).toBe(0);
    ask(window(2));
    expect(made() - before).toBe(each);
  });

  it("do not delay the check of other options", () => {
    expect(() => guardOf({ policies: () => tokenBucket(), timeout: -1 })).toThrow(refuses("INVALID_OPTION", "timeout"));
  });
});

describe("options", () => {
  const bad: readonly (readonly [option: string, values: readonly unknown[]])[] = [
    ["policies", [[], null, "free", 5, { name: "x" }, { algorithm: "leaky", name: "x" }]],
    ["key", ["ip", null, {}]],
    ["cost", [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null]],
    ["skip", [true, "/health", null]],
    ["chargePreflight", ["no", 1, null]],
    ["headers", ["draft-9", "Draft-11", true, null, 11, ["draft-11", "x"], [false], {}]],
    ["legacyReset", ["seconds", null, 0]],
    ["unit", ["", "a\r\nb", "é", 1, null, "x".repeat(129)]],
    ["ipv6Prefix", [0, 31, 129, 56.5, "56", Number.NaN, null]],
    ["unusableAddress", ["ignore", true, null]],
    ["handler", ["json", {}, null]],
    ["refundWhen", [true, "failed", null]],
    ["dryRun", ["yes", "unmarked", 1, null]],
    ["hashKey", ["a long secret of many characters", null, {}]],
    ["name", ["", "a\nb", "é", 1, null, "x".repeat(65)]],
    ["requestProperty", ["", "__proto__", 1, null, Symbol("x")]],
    ["statusCode", [200, 399, 600, 429.5, "429", Number.NaN, null]],
    ["type", ["", "a b", "a\r\nb", 1, null]],
    ["message", [1, null, true, { toJSON: () => undefined }, { count: 1n }]],
    ["failOpen", ["yes", null]],
    ["timeout", [0, "soon", Number.NaN]],
    ["prefix", ["", "a\nb"]],
  ];
  for (const [option, values] of bad) {
    for (const value of values) {
      it(`refuse ${option}: ${typeof value === "object" ? inspect(value) : String(value)}`, () => {
        const code = option === "cost" ? "INVALID_COST" : expect.stringMatching(/^(INVALID_OPTION|UNKNOWN_ALGORITHM)$/);
        expect(() => guardOf({ [option]: value } as Options)).toThrow(expect.objectContaining({ code }));
      });
    }
  }

  it("refuse unknown names, and suggest the nearest one", () => {
    expect(() => guardOf({ headrs: "legacy" } as Options)).toThrow(
      refuses("UNKNOWN_OPTION", 'rateLimit has no option "headrs": did you mean "headers"?'),
    );
    expect(() => guardOf({ store: mapStore() } as Options)).toThrow(refuses("UNKNOWN_OPTION", '"store"'));
  });

  it("refuse policies, which are a separate argument", () => {
    const options = { policies: tokenBucket() } as RateLimitOptionsOf<Call, () => void>;
    expect(() => createRateLimit(mapStore(), undefined, options, {} as never)).toThrow(
      refuses("UNKNOWN_OPTION", 'rateLimit has no option "policies": pass it before the options'),
    );
  });

  it("refuse a value that is not an object", () => {
    for (const options of [null, 5, "x"]) {
      expect(() => guardOf(options as Options)).toThrow(refuses("INVALID_OPTION", "options"));
    }
  });

  it("refuse a missing store", () => {
    for (const store of [undefined, null, {}, "redis"]) {
      expect(() => createRateLimit(store as unknown as Store, undefined, {}, {} as never)).toThrow(
        refuses("INVALID_STORE", "store"),
      );
    }
  });

  it("of a limiter are refused if a limiter is passed", () => {
    const limiter = createLimiter({ store: mapStore(), policies: tokenBucket({ rate: 7 }) });
    expect(at(guardOf({}, limiter)).decision.remaining).toBe(6);
    const options: Options[] = [
      { policies: tokenBucket() },
      { policies: () => tokenBucket() },
      { failOpen: false },
      { prefix: "x" },
      { timeout: "1s" },
    ];
    for (const option of options) {
      const [name = ""] = Object.keys(option);
      expect(() => guardOf(option, limiter)).toThrow(refuses("INVALID_OPTION", `"${name}"`));
    }
    expect(() => guardOf({ cost: 2, headers: "legacy" }, limiter)).not.toThrow();
  });

  it("that are undefined have their defaults", () => {
    const names = ["policies", "key", "cost", "skip", "headers", "message", "handler", "timeout", "type"];
    const options = Object.fromEntries(names.map((name) => [name, undefined]));
    const limiter = createLimiter({ store: mapStore() });
    for (const of of [mapStore(), limiter]) expect(at(guardOf(options as Options, of)).decision.remaining).toBe(99);
  });
});

function inspect(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return "an object that is not JSON";
  }
}
