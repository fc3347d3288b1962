import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { opaqueKey, scopeOf, splitEntryKey } from "../../src/index.js";

const printable = fc.stringMatching(/^[\x20-\x7e]{1,20}$/);
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom("", ":", "::", "%", "a:b:c:d", "\ud800", "\udfff\ud800", "\0", "__proto__"),
);

describe("scopeOf", () => {
  it("is taken apart again by splitEntryKey, whatever the prefix, the name and the key", () => {
    fc.assert(
      fc.property(printable, printable, printable, anyText, (prefix, name, algorithm, key) => {
        const scope = scopeOf(prefix, { name, algorithm });
        expect(splitEntryKey(scope + key)).toEqual({ scope, key });
      }),
      { numRuns: 1_000 },
    );
  });

  it("differs when a part does", () => {
    const part = fc.constantFrom("a", "b", ":", "a:b", "%", "%3A", "%25", "a%3Ab", " ", "{a}");
    const parts = fc.tuple(part, part, part);
    fc.assert(
      fc.property(parts, parts, ([a, b, c], [x, y, z]) => {
        const same = a === x && b === y && c === z;
        expect(scopeOf(a, { name: b, algorithm: c }) === scopeOf(x, { name: y, algorithm: z })).toBe(same);
      }),
      { numRuns: 1_000 },
    );
  });

  it("can be read by eye", () => {
    expect(scopeOf("sluice", { name: "per user", algorithm: "token-bucket" })).toBe("sluice:per user:token-bucket:");
  });
});

describe("splitEntryKey", () => {
  it.each(["", "key", "a:b", "a:b:", ":", "::"])("takes %j, which no scope starts, for a key", (text) => {
    expect(splitEntryKey(text)).toEqual({ scope: "", key: text });
  });
});

describe("opaqueKey", () => {
  const digest = (key: string) => createHash("sha256").update(key, "utf16le").digest("hex");
  const options = { maxLength: 40, digest, refuse: /\0/ };

  it("leaves short, well-formed keys as they are", () => {
    for (const key of ["a", "user-123", "é😀", "a#", " ", "x".repeat(40)]) expect(opaqueKey(key, options)).toBe(key);
  });

  it.each(["x".repeat(41), "#a", "#", "a\0b", "\ud800", "a\udc00b", "\udc00\ud800"])("makes a digest of %j", (key) => {
    expect(opaqueKey(key, options)).toBe(`#${digest(key)}`);
  });

  it("never makes one text of two keys, and always one that UTF-8 keeps", () => {
    const key = fc.oneof(
      anyText,
      fc.string({ unit: "binary", minLength: 30, maxLength: 60 }),
      fc.constant(`#${digest("\0")}`),
    );
    fc.assert(
      fc.property(key, key, (a, b) => {
        const [opaqueA, opaqueB] = [opaqueKey(a, options), opaqueKey(b, options)];
        expect(opaqueA === opaqueB).toBe(a === b);
        expect(Buffer.from(opaqueA).toString()).toBe(opaqueA);
        expect(opaqueA).not.toContain("\0");
      }),
      { numRuns: 2_000 },
    );
  });

  it("takes the digest of a key for another key", () => {
    expect(opaqueKey(opaqueKey("\0", options), options)).not.toBe(opaqueKey("\0", options));
  });
});
