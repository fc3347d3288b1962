import { isIP } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createRateLimit, forwardedClient, type Guard, type LimitDenial } from "../../src/http/index.js";
import { fixedWindow, SluiceError, type Store } from "../../src/index.js";
import type { DecidingStore } from "../../src/store/index.js";
import { mapStore } from "./map-store.js";

const odd = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.ipV4(),
  fc.ipV6(),
  fc.stringMatching(/^[0-9a-f:.%, ]{0,30}$/),
  fc.constantFrom("__proto__", "constructor", "\r\nX-Injected: 1", "\u0000", "\ud800", '"', "\\", ":".repeat(300)),
);

interface Call {
  readonly address: string;
  readonly forwarded: string;
  readonly key: string;
  readonly name: string;
}

const calls = fc.record({ address: odd, forwarded: odd, key: odd, name: odd });

const port = {
  method: () => "GET",
  header: (call: Call, name: string) => (name.includes("forwarded") ? call.forwarded : undefined),
};

/** Returns whether the text is a valid field value: visible ASCII with spaces between. */
const isFieldValue = (value: string): boolean => /^[\x21-\x7e]+( +[\x21-\x7e]+)*$/.test(value);

/** Returns the result, or undefined for a `SluiceError`. Any other error fails the test. */
function orRefused<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch (error) {
    if (error instanceof SluiceError) return undefined;
    throw error;
  }
}

/** A store, and a function that returns the key of its last decision. */
function watchedStore(): { store: Store; key: () => string | undefined } {
  const inner = mapStore() as ReturnType<typeof mapStore> & DecidingStore;
  let key: string | undefined;
  const decide: DecidingStore["decide"] = (admission) => {
    key = admission.claims[0]?.key;
    return inner.decide(admission);
  };
  const taken = () => {
    const found = key;
    key = undefined;
    return found;
  };
  return { store: { ...inner, decide } as Store, key: taken };
}

function expectFieldValues(verdict: ReturnType<Guard<Call, never, LimitDenial>["check"]>): void {
  if (verdict === undefined || verdict instanceof Promise) throw new Error("no verdict yet");
  const bad = verdict.fields.filter(({ name, value }) => !isFieldValue(name) || !isFieldValue(value));
  if (bad.length > 0) expect(bad).toEqual([]);
}

describe("100,000 random strings", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("as address, forwarding field and key cause no failure, and never share a count", () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const byAddress = watchedStore();
    const byKey = watchedStore();
    const readers = (["x-forwarded-for", "forwarded"] as const).map((proxyHeader) => {
      return forwardedClient({ trustProxy: ["10.0.0.0/8"], proxyHeader });
    });
    const addressGuard = createRateLimit<Call, never>(
      byAddress.store,
      undefined,
      {},
      { ...port, address: (call) => call.address },
    );
    const keyGuard = createRateLimit<Call, never>(
      byKey.store,
      undefined,
      { key: (call) => call.key },
      { ...port, address: () => "" },
    );
    let answered = 0;
    fc.assert(
      fc.property(calls, (call) => {
        for (const reader of readers) reader.address("10.0.0.1", () => call.forwarded);
        const verdict = orRefused(() => addressGuard.check(call));
        const stored = byAddress.key();
        const isAddress = isIP(call.address.split("%")[0] ?? "") !== 0 && call.address.length <= 128;
        if ((verdict !== undefined) !== isAddress) expect(call.address).toBe("distinguished from an address");
        // IPv6 is covered by the tests below.
        if (isIP(call.address) === 4 && stored !== call.address) expect(stored).toBe(call.address);
        const own = orRefused(() => keyGuard.check(call));
        const ownKey = byKey.key();
        if (call.key !== "" && ownKey !== call.key) expect(ownKey).toBe(call.key);
        if ((own === undefined) !== (call.key === "")) expect(call.key).toBe("refused only when empty");
        for (const checked of [verdict, own]) {
          if (checked === undefined) continue;
          answered++;
          expectFieldValues(checked);
        }
      }),
      { numRuns: 90_000 },
    );
    expect(answered).toBeGreaterThan(50_000);
  }, 60_000);

  it("as policy names cannot inject into fields", () => {
    // Silences the warning about middleware that is created for one request.
    vi.spyOn(console, "warn").mockImplementation(() => {});
    fc.assert(
      fc.property(calls, (call) => {
        const policies = orRefused(() => fixedWindow({ name: call.name, limit: 5, window: "1m" }));
        if (policies === undefined) return;
        const guard = createRateLimit<Call, never>(mapStore(), policies, {}, { ...port, address: () => "192.0.2.1" });
        expectFieldValues(guard.check(call));
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("addresses", () => {
  const groups = fc.array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 1)), {
    minLength: 8,
    maxLength: 8,
  });
  // One guard for all, since creating one takes longer than many checks.
  const { store, key: lastKey } = watchedStore();
  const guard = createRateLimit<Call, never>(store, undefined, {}, { ...port, address: (call) => call.address });
  const keyOf = (address: string): string | undefined => {
    orRefused(() => guard.check({ address, forwarded: "", key: "", name: "" }));
    return lastKey();
  };
  const long = (of: readonly number[], upper: boolean): string => {
    const hex = of.map((group) => group.toString(16).padStart(4, "0")).join(":");
    return upper ? hex.toUpperCase() : hex;
  };
  const isMapped = (of: readonly number[]): boolean => of.slice(0, 5).every((group) => group === 0) && of[5] === 0xffff;

  it("have one key in all spellings and within one network of 56 bits, and no other address has it", () => {
    fc.assert(
      fc.property(groups, groups, fc.integer({ min: 0, max: 7 }), (a, b, flip) => {
        fc.pre(!isMapped(a) && !isMapped(b));
        const plain = a.map((group) => group.toString(16)).join(":");
        const spelt = new URL(`http://[${plain}]`).hostname.slice(1, -1);
        const inside = [...a.slice(0, 3), ((a[3] ?? 0) & 0xff00) | ((b[3] ?? 0) & 0xff), ...b.slice(4)];
        const key = keyOf(plain);
        expect(key).toBeDefined();
        for (const same of [spelt, long(a, true), long(a, false), `${spelt}%eth0`, plain.toUpperCase()]) {
          expect(keyOf(same)).toBe(key);
        }
        if (!isMapped(inside)) expect(keyOf(long(inside, false))).toBe(key);
        const network = (of: readonly number[]) => long([...of.slice(0, 3), (of[3] ?? 0) & 0xff00], false);
        expect(keyOf(long(b, false)) === key).toBe(network(a) === network(b));
        const neighbour = a.map((group, i) => (i === 3 ? group ^ (0x100 << flip) : group));
        if (!isMapped(neighbour)) expect(keyOf(long(neighbour, false))).not.toBe(key);
      }),
      { numRuns: 3_000 },
    );
  });

  it("of IPv4 have one key each, even inside IPv6", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (a, b) => {
        const [w = 0, x = 0, y = 0, z = 0] = a.split(".").map(Number);
        const hex = `${((w << 8) | x).toString(16)}:${((y << 8) | z).toString(16)}`;
        for (const same of [`::ffff:${a}`, `::FFFF:${hex}`, `0:0:0:0:0:ffff:${hex}`])
          expect(keyOf(same)).toBe(keyOf(a));
        expect(keyOf(a) === keyOf(b)).toBe(a === b);
      }),
      { numRuns: 3_000 },
    );
  });
});
