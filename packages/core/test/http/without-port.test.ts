import { describe, expect, it } from "vitest";
import { withoutPort } from "../../src/index.js";

describe("withoutPort", () => {
  it.each([
    ["203.0.113.7:51234", "203.0.113.7"],
    ["203.0.113.7", "203.0.113.7"],
    [" 203.0.113.7\t", "203.0.113.7"],
    ['"203.0.113.7:80"', "203.0.113.7"],
    ['"203.0.113\\.7"', "203.0.113.7"],
    ["203.0.113.7:_gazonk", "203.0.113.7"],
    ["[203.0.113.7]:80", "203.0.113.7"],
    ["[2001:db8::1]:443", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ['"[2001:db8::1]:443"', "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["2001:db8:0:0:0:0:0:1:443", "2001:db8:0:0:0:0:0:1"],
    ["::ffff:203.0.113.7:80", "::ffff:203.0.113.7"],
    ["::ffff:203.0.113.7", "::ffff:203.0.113.7"],
    ["[fe80::1%eth0]:80", "fe80::1%eth0"],
    ["localhost:80", "localhost:80"],
    ["1.2.3:80", "1.2.3:80"],
    ["1.2.3.4:80:90", "1.2.3.4:80:90"],
    ["<script>", "<script>"],
    ["unix:", "unix:"],
    ['"', '"'],
    ["", ""],
    [undefined, undefined],
  ])("reads %s as %s", (address, expected) => {
    expect(withoutPort(address)).toBe(expected);
  });

  it("leaves long texts alone", () => {
    const long = `${" ".repeat(300)}1.2.3.4`;
    expect(withoutPort(long)).toBe(long);
  });
});
