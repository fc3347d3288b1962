import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ForwardedClientOptions, forwardedClient } from "../../src/http/index.js";

type TrustProxy = Exclude<ForwardedClientOptions["trustProxy"], undefined>;

/** The client address that is found for a peer and a field. */
function behind(
  peer: string | undefined,
  value: string | undefined,
  options: ForwardedClientOptions,
): string | undefined {
  const { proxyHeader = "x-forwarded-for" } = options;
  return forwardedClient(options).address(peer, (name) => (name === proxyHeader ? value : "6.6.6.6"));
}

const trustProxy = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "fe80::1"];

describe("forwardedClient", () => {
  const cases: readonly (readonly [peer: string | undefined, value: string | undefined, client: string | undefined])[] =
    [
      ["203.0.113.1", "6.6.6.6", "203.0.113.1"],
      [undefined, "6.6.6.6", undefined],
      ["10.0.0.1", undefined, "10.0.0.1"],
      ["10.0.0.1", "203.0.113.1", "203.0.113.1"],
      ["10.0.0.1", "6.6.6.6, 203.0.113.1", "203.0.113.1"],
      ["10.0.0.1", "6.6.6.6,203.0.113.1 ,\t10.1.2.3,192.0.2.7", "203.0.113.1"],
      ["::ffff:10.0.0.1", "203.0.113.1", "203.0.113.1"],
      ["::ffff:a00:1", "203.0.113.1, ::FFFF:10.0.0.9", "203.0.113.1"],
      ["2001:db8::1%eth0", "2001:DB9::1, 2001:0db8:0::2", "2001:DB9::1"],
      ["192.0.2.8", "6.6.6.6", "192.0.2.8"],
      ["10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"],
      ["10.0.0.1", "6.6.6.6, unknown, 10.0.0.3", "unknown"],
      ["10.0.0.1", "6.6.6.6, , 10.0.0.3", "6.6.6.6"],
      ["10.0.0.1", "203.0.113.1, ,\t,", "203.0.113.1"],
      ["10.0.0.1", "", "10.0.0.1"],
      ["10.0.0.1", " , ", "10.0.0.1"],
      ["10.0.0.1:5000", "203.0.113.1", "203.0.113.1"],
      ["[::ffff:10.0.0.1]:5000", "203.0.113.1, 10.9.9.9:80, [2001:db8::3]:443, [10.0.0.2]", "203.0.113.1"],
      ["10.0.0.1", '203.0.113.1, "10.9.9.9:80"', "203.0.113.1"],
      ["fe80::1%eth0", "203.0.113.1", "203.0.113.1"],
      ["10.0.0.1", "<script>, 203.0.113.1", "203.0.113.1"],
      ["10.0.0.1", "<script>", "<script>"],
      ["10.0.0.1", "<script>, 10.0.0.3", "10.0.0.3"],
      ["10.0.0.1", "6.6.6.6, <script>, 10.0.0.3", "10.0.0.3"],
      ["10.0.0.1", "6.6.6.6, 203.0.113.1:4444", "203.0.113.1:4444"],
      // Quotes do not keep an element together in this field.
      ["10.0.0.1", '6.6.6.6, "203.0.113.1, 10.0.0.3"', '10.0.0.3"'],
      ...["_hidden-1.x", "unknown:80", "unix", "unix:", "UNIX:_p-1.x", ":80"].map(
        (node) => ["10.0.0.1", `6.6.6.6, ${node}, 10.0.0.3`, node] as const,
      ),
      ...["_", "_a b", "unknown:8 0", "x-unknown", "unknownx", "unix:/run/a"].map(
        (node) => ["10.0.0.1", `6.6.6.6, ${node}, 10.0.0.3`, "10.0.0.3"] as const,
      ),
    ];
  for (const [peer, value, client] of cases) {
    it(`connected from ${peer}, forwarded for ${value}: ${client}`, () => {
      expect(behind(peer, value, { trustProxy })).toBe(client);
    });
  }

  const forwarded: readonly (readonly [value: string, client: string | undefined])[] = [
    ["for=203.0.113.1", "203.0.113.1"],
    ['For="[2001:db9::1]:4711"', "2001:db9::1"],
    ["for=203.0.113.1:4711;proto=https;by=10.0.0.1", "203.0.113.1"],
    ['for=6.6.6.6, proto=http;for="203.0.113.1", for=10.9.9.9', "203.0.113.1"],
    ["for=6.6.6.6, proto=http", ""],
    ["for=unknown", "unknown"],
    ["for=_hidden", "_hidden"],
    // An unclosed quote does not hide what the proxy wrote after it.
    ['for="6.6.6.6, for=203.0.113.1', "203.0.113.1"],
    ['for="6.6.6.6, for="[2001:db9::1]"', "2001:db9::1"],
    ['for="6.6.6.6\\, for="[2001:db9::1]"', "2001:db9::1"],
    ["203.0.113.1", undefined],
    ["for=203.0.113.1,", "203.0.113.1"],
    ["for", undefined],
    ["for=", ""],
    ["proto=http;for=", ""],
    ['for="a\\\\", for="203.0.113.1"', "203.0.113.1"],
    ['by="\\"", for=203.0.113.1', "203.0.113.1"],
    [", for=203.0.113.1", "203.0.113.1"],
    [" ,, for=203.0.113.1 ,\t,", "203.0.113.1"],
    ["", "10.0.0.1"],
    ["junk; =, for=203.0.113.1", "203.0.113.1"],
    ["junk, for=10.0.0.9", "10.0.0.9"],
    ["for=6.6.6.6, for=unknown, for=10.0.0.9", "unknown"],
    ['by=10.0.0.1;host="a,b;c=\\"d";;FOR = "203.0.113.1:80" ; proto=https;', "203.0.113.1"],
    ["for=203.0.113.1;host=x;for=6.6.6.6", "203.0.113.1"],
    ['for="_a:_b"', "_a:_b"],
    ["for=[2001:db9::1]:443", "2001:db9::1"],
    ['for="[::ffff:203.0.113.1]:443", for="[2001:db8::7%25eth0]"', "::ffff:203.0.113.1"],
    ['for="20\\3.0.113.1"', "203.0.113.1"],
    ["for=2001:db9::1", "2001:db9::1"],
  ];
  for (const [value, client] of forwarded) {
    it(`Forwarded: ${value} gives ${client}`, () => {
      expect(behind("10.0.0.1", value, { trustProxy, proxyHeader: "forwarded" })).toBe(client);
    });
  }

  it("returns the peer by default", () => {
    expect(forwardedClient({}).trust).toBe("nobody");
    expect(behind("127.0.0.1", "6.6.6.6", {})).toBe("127.0.0.1");
  });

  it("accepts a function that trusts proxies", () => {
    const trusts = (address: string) => address.startsWith("unix") || address === "10.0.0.1";
    expect(behind("10.0.0.1", "203.0.113.1", { trustProxy: trusts })).toBe("203.0.113.1");
    expect(behind("10.0.0.2", "203.0.113.1", { trustProxy: trusts })).toBe("10.0.0.2");
  });

  it("trusts a Unix socket by a list or a function", () => {
    for (const trusted of [["unix"], ["unix", "10.0.0.0/8"], () => true, (address: string) => address === "unix"]) {
      expect(behind(undefined, "6.6.6.6, 203.0.113.1", { trustProxy: trusted })).toBe(
        trusted instanceof Function && trusted("6.6.6.6") ? "6.6.6.6" : "203.0.113.1",
      );
    }
    expect(behind(undefined, "6.6.6.6, 203.0.113.1, unix:", { trustProxy: ["unix"] })).toBe("203.0.113.1");
    expect(behind("10.0.0.1", "203.0.113.1", { trustProxy: ["unix"] })).toBe("10.0.0.1");
    expect(forwardedClient({ trustProxy: ["unix"] }).trust).toBe("some");
  });

  it("passes addresses without ports to the function", () => {
    const seen: string[] = [];
    const trusts = (address: string) => {
      seen.push(address);
      return address.startsWith("10.");
    };
    const client = forwardedClient({ trustProxy: trusts });
    seen.length = 0;
    expect(client.address("10.0.0.1:80", () => "203.0.113.1:1, 10.0.0.2:2")).toBe("203.0.113.1:1");
    expect(seen).toEqual(["10.0.0.1", "10.0.0.2", "203.0.113.1"]);
  });

  it("reports whether everybody is trusted", () => {
    const trust = (value: TrustProxy) => forwardedClient({ trustProxy: value }).trust;
    for (const all of [["0.0.0.0/0"], ["0.0.0.0/1", "128.0.0.0/1"], ["::/0"], () => true]) {
      expect(trust(all)).toBe("everyone");
    }
    for (const some of [trustProxy, ["2001:db8::/32"], () => false]) expect(trust(some)).toBe("some");
  });

  it("never matches IPv4 addresses with an IPv6 network", () => {
    expect(behind("10.0.0.1", "6.6.6.6", { trustProxy: ["::/0"] })).toBe("10.0.0.1");
    expect(behind("10.0.0.1", "6.6.6.6", { trustProxy: ["::ffff:10.0.0.0/104"] })).toBe("6.6.6.6");
    expect(behind("11.0.0.1", "6.6.6.6", { trustProxy: ["::ffff:10.0.0.0/104"] })).toBe("11.0.0.1");
  });

  for (const bad of [
    "",
    "10.0.0.0/33",
    "::/129",
    "10.0.0",
    "::ffff:10.0.0.0/8",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "loopback",
    7,
    null,
  ]) {
    it(`refuses to trust ${JSON.stringify(bad)}`, () => {
      const code = expect.objectContaining({ code: "INVALID_OPTION" });
      expect(() => forwardedClient({ trustProxy: [bad as string] })).toThrow(code);
    });
  }

  it("names the option and its allowed values in errors", () => {
    const refused = (options: object, call?: string) => () => {
      const client = forwardedClient(options);
      if (call !== undefined) client.address(call, () => undefined);
    };
    expect(refused({ proxyHeader: "x-real-ip" })).toThrow(
      'option "proxyHeader" must be one of x-forwarded-for, forwarded',
    );
    expect(refused({ trustProxy: () => 1 })).toThrow('option "trustProxy" must return true or false, got 1');
    expect(refused({ trustProxy: "loopback" })).toThrow(
      'option "trustProxy" must be an array as in ["10.0.0.0/8"], or a function of an address',
    );
    expect(refused({ trustProxy: ["loopback"] })).toThrow(
      'option "trustProxy" must contain addresses and networks, as in "10.0.0.0/8" or "2001:db8::/32"',
    );
  });

  it("returns a network in the field unchanged, even if it is trusted", () => {
    for (const text of ["10.0.0.0/33", "10.0.0.0/8", "10.0.0.1/32"]) {
      expect(behind("10.0.0.1", `6.6.6.6, ${text}`, { trustProxy })).toBe(text);
    }
  });

  it("refuses invalid lists and unknown fields", () => {
    const code = expect.objectContaining({ code: "INVALID_OPTION" });
    for (const bad of [true, 1, "10.0.0.0/8", null]) {
      expect(() => forwardedClient({ trustProxy: bad as unknown as TrustProxy })).toThrow(code);
    }
    for (const bad of [async () => false, () => undefined, () => 1]) {
      expect(() => forwardedClient({ trustProxy: bad as unknown as TrustProxy })).toThrow(code);
    }
    expect(() => forwardedClient({ proxyHeader: "x-real-ip" as "forwarded" })).toThrow(code);
  });

  it("ignores what the client writes before the proxy's part", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[for="\\;, .6[\]:x]*$/)), (written) => {
        const xff = behind("10.0.0.1", `${written}, 203.0.113.1`, { trustProxy });
        expect(xff).toBe("203.0.113.1");
        const value = `${written}, for=203.0.113.1`;
        const client = behind("10.0.0.1", value, { trustProxy, proxyHeader: "forwarded" });
        expect(client).toBe("203.0.113.1");
        const quoted = behind("10.0.0.1", `${written}, for="[2001:db9::1]:443";by="a,\\"b"`, {
          trustProxy,
          proxyHeader: "forwarded",
        });
        expect(quoted).toBe("2001:db9::1");
      }),
      { numRuns: 20_000 },
    );
  }, 60_000);
});
