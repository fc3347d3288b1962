import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientKey, keyOfAddress } from "../../src/http/address/client-key.js";
import { SluiceError } from "../../src/index.js";
import vectors from "./vectors.json" with { type: "json" };

/** Writes an address of eight groups in one of the spellings that RFC 4291 allows. */
const spelling = fc.record({
  upper: fc.boolean(),
  pad: fc.boolean(),
  compress: fc.boolean(),
  dotted: fc.boolean(),
  zone: fc.constantFrom("", "%eth0", "%25en1"),
});

function spell(groups: number[], how: { [K in "upper" | "pad" | "compress" | "dotted"]: boolean } & { zone: string }) {
  let parts = groups.map((group) => group.toString(16).padStart(how.pad ? 4 : 1, "0"));
  if (how.dotted) {
    const [high = 0, low = 0] = groups.slice(6);
    parts = [...parts.slice(0, 6), [high >> 8, high & 255, low >> 8, low & 255].join(".")];
  }
  let text = parts.join(":");
  const start = parts.findIndex((part) => /^0+$/.test(part));
  if (how.compress && start !== -1) {
    let end = start;
    while (/^0+$/.test(parts[end] ?? "")) end++;
    text = `${parts.slice(0, start).join(":")}::${parts.slice(end).join(":")}`;
  }
  return (how.upper ? text.toUpperCase() : text) + how.zone;
}

const group = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.integer({ min: 0, max: 0xffff }));
const groups = fc.array(group, { minLength: 8, maxLength: 8 });
const byte = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join("."));

describe("client key", () => {
  for (const { ip, key56, key64 } of vectors.ipKeys) {
    it(`is ${key56} for ${ip}`, () => {
      expect(clientKey(ip)).toBe(key56);
      expect(clientKey(ip, 64)).toBe(key64);
    });
  }

  it.each([
    ["no address", undefined],
    ["an empty text", ""],
    ["markup", "<script>"],
    ["an address with a port", "9.9.9.9:4444"],
    ["an address in brackets", "[::1]"],
    ["a leading zero", "010.1.1.1"],
    ["five numbers", "1.2.3.4.5"],
    ["a number over 255", "1.2.3.256"],
    ["two runs of zeros", "1::2::3"],
    ["nine groups", "1:2:3:4:5:6:7:8:9"],
    ["eight groups and a run", "1:2:3:4:5:6:7::8"],
    ["a zone on IPv4", "1.2.3.4%eth0"],
    ["a zone without end", `fe80::1%${"x".repeat(200)}`],
    ["a dotted part in front", "1.2.3.4::1"],
    ["spaces", " 1.2.3.4"],
    ["a host name", "localhost"],
    ["two addresses", "1.2.3.4, 5.6.7.8"],
    ["a value of another type", 42 as unknown as string],
  ])("refuses %s", (_, address) => {
    expect(() => clientKey(address)).toThrow(expect.objectContaining({ code: "CLIENT_ADDRESS_UNUSABLE" }));
  });

  it("accepts addresses of up to 128 characters", () => {
    const zone = (length: number) => `fe80::1%${"x".repeat(length - 8)}`;
    expect(clientKey(zone(128))).toBe("fe80::/56");
    expect(() => clientKey(zone(129))).toThrow(expect.objectContaining({ code: "CLIENT_ADDRESS_UNUSABLE" }));
  });

  it("names the problem and a page about it", () => {
    expect(() => clientKey("x")).toThrow(/the client address is not an IP address: see .*CLIENT_ADDRESS_UNUSABLE/);
    expect(() => clientKey(undefined)).toThrow("the client address is undefined: see");
    expect(() => clientKey("::1", 31)).toThrow('option "ipv6Prefix"');
  });

  it("does not repeat an invalid address in the error, since clients may see it", () => {
    expect(() => clientKey("<script>alert(1)</script>")).toThrow(/^((?!script).)*$/);
  });

  it.each([0, 31, 129, 56.5, Number.NaN, "56" as unknown as number])("refuses an IPv6 prefix of %s", (prefix) => {
    expect(() => clientKey("::1", prefix)).toThrow(SluiceError);
  });

  it("is the same for every spelling of an address", () => {
    fc.assert(
      fc.property(groups, spelling, spelling, fc.integer({ min: 32, max: 128 }), (address, one, other, prefix) => {
        expect(clientKey(spell(address, one), prefix)).toBe(clientKey(spell(address, other), prefix));
      }),
      { numRuns: 2_000 },
    );
  });

  it("is the network in the canonical form of RFC 5952", () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 32, max: 128 }), (address, prefix) => {
        fc.pre(!(address.slice(0, 5).every((part) => part === 0) && address[5] === 0xffff));
        const bits = address.map((part) => part.toString(2).padStart(16, "0")).join("");
        const masked = bits.slice(0, prefix).padEnd(128, "0").match(/.{16}/g) ?? [];
        // The URL parser of the platform writes IPv6 hosts in that form.
        const { hostname } = new URL(
          `http://[${masked.map((part) => Number.parseInt(part, 2).toString(16)).join(":")}]`,
        );
        expect(clientKey(spell(address, { ...plain, zone: "" }), prefix)).toBe(`${hostname.slice(1, -1)}/${prefix}`);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is the same for an IPv4 client on a dual-stack socket", () => {
    fc.assert(
      fc.property(ipv4, ipv4, fc.integer({ min: 32, max: 128 }), (one, other, prefix) => {
        const mapped = `::ffff:${other}`;
        expect(clientKey(one, prefix)).toBe(one);
        expect(clientKey(mapped, prefix)).toBe(other);
        expect(clientKey(one, prefix) === clientKey(mapped, prefix)).toBe(one === other);
      }),
    );
  });

  it("accepts exactly the addresses that the platform accepts", () => {
    const near = fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEF:::...%gx "), maxLength: 45 });
    const almost = fc
      .tuple(groups, spelling, fc.nat({ max: 45 }), fc.constantFrom("", ":", ".", "0", "::", "1.2.3.4"))
      .map(([address, how, at, extra]) => {
        const text = spell(address, { ...how, zone: "" });
        return text.slice(0, at) + extra + text.slice(at + extra.length);
      });
    fc.assert(
      fc.property(fc.oneof(near, almost, fc.string(), ipv4), (text) => {
        expect(keyOfAddress(text, 56) !== undefined).toBe(isIP(text.replace(/(?<=:.*)%.*$/s, "")) !== 0);
      }),
      { numRuns: 20_000 },
    );
  });

  it("handles any string", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const key = keyOfAddress(text, 56);
        expect(key === undefined || /^[0-9a-f.:/]+$/.test(key)).toBe(true);
      }),
      { numRuns: 100_000 },
    );
  });
});

const plain = { upper: false, pad: false, compress: false, dotted: false };
