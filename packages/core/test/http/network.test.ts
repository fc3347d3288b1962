import { describe, expect, it } from "vitest";
import { formatNetwork, isWithin, type Network, parseNetwork } from "../../src/http/address/network.js";

const network = (text: string) => parseNetwork(text) as Network;

describe("parseNetwork and formatNetwork", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["192.0.2.1/32", "192.0.2.1"],
    ["192.0.2.77/24", "192.0.2.0/24"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["::ffff:192.0.2.77/120", "192.0.2.0/24"],
    ["::ffff:192.0.2.77", "192.0.2.77"],
    ["2001:DB8:0::1", "2001:db8::1/128"],
    ["2001:db8::1/128", "2001:db8::1/128"],
    ["2001:db8:1:2::/33", "2001:db8::/33"],
    ["::/0", "::/0"],
    ["fe80::1%eth0", "fe80::1/128"],
  ])("write %s as %s", (text, spelt) => {
    expect(formatNetwork(network(text))).toBe(spelt);
  });

  it.each([
    "10.0.0.0/33",
    "10.0.0/8",
    "1000.0.0.0/8",
    "::/129",
    "::/9999",
    "2001:db8::1::/32",
    "fe80:12345::/10",
    "::ffff:10.0.0.0/8",
    "a:b/64",
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "10.0.0.0/x",
    "10.0.0.0/ 8",
  ])("call %s wrong, since it is meant as a network", (text) => {
    expect(parseNetwork(text)).toBe("wrong");
  });

  it.each([
    "",
    "localhost",
    "user-7",
    "a/b",
    "10.0.0",
    "x10.0.0/8",
    "10.0.0/8x",
    "10.0.0/x",
    "path/10.0.0/8",
    "user:7/posts",
    "g::/8",
    "::g/8",
    `${"1".repeat(120)}/8888888888`,
  ])("return undefined for %j", (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });

  it("accept texts of up to 128 characters", () => {
    const zone = (length: number) => `fe80::1%${"x".repeat(length - 8)}`;
    expect(parseNetwork(zone(128))).toMatchObject({ family: 6, bits: 128 });
    expect(parseNetwork(zone(129))).toBeUndefined();
  });
});

describe("isWithin", () => {
  it.each([
    ["10.1.2.3", "10.0.0.0/8", true],
    ["11.1.2.3", "10.0.0.0/8", false],
    ["10.0.0.0/8", "10.0.0.0/8", true],
    ["10.0.0.0/9", "10.0.0.0/8", true],
    ["10.0.0.0/8", "10.0.0.0/9", false],
    ["2001:db8::1", "2001:db8::/32", true],
    ["2001:db9::1", "2001:db8::/32", false],
    ["10.0.0.1", "::/0", false],
    ["::1", "0.0.0.0/0", false],
  ])("%s in %s: %s", (inner, outer, within) => {
    expect(isWithin(network(inner), network(outer))).toBe(within);
  });
});
