import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedWindow } from "../../src/index.js";
import { entryKeyOf } from "../../src/store/entry-key.js";
import { scopeOf, splitEntryKey } from "../../src/store/kit/index.js";

const printable = fc.stringMatching(/^[\x20-\x7e]{1,20}$/);
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom("", ":", "::", "%", "a:b:c:d", "\ud800", "\udfff\ud800", "\0", "__proto__"),
);

describe("scopeOf", () => {
  it("can be split by splitEntryKey, with any prefix, name and key", () => {
    fc.assert(
      fc.property(printable, printable, printable, anyText, (prefix, name, algorithm, key) => {
        const scope = scopeOf(prefix, { name, algorithm });
        expect(splitEntryKey(scope + key)).toEqual({ scope, key });
      }),
      { numRuns: 1_000 },
    );
  });

  it("differs if a part differs", () => {
    const part = fc.constantFrom("a", "b", ":", "a:b", "%", "%3A", "%25", "", "3A", "25", "a%3Ab", " ", "{a}");
    const parts = fc.tuple(part, part, part);
    fc.assert(
      fc.property(parts, parts, ([a, b, c], [x, y, z]) => {
        const same = a === x && b === y && c === z;
        expect(scopeOf(a, { name: b, algorithm: c }) === scopeOf(x, { name: y, algorithm: z })).toBe(same);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is readable", () => {
    expect(scopeOf("sluice", { name: "per user", algorithm: "token-bucket" })).toBe("sluice:per user:token-bucket:");
  });
});

describe("splitEntryKey", () => {
  it.each(["", "key", "a:b", "a:b:", ":", "::"])("returns %j as a key without a scope", (text) => {
    expect(splitEntryKey(text)).toEqual({ scope: "", key: text });
  });
});

describe("entryKeyOf", () => {
  const policy = fixedWindow({ name: "minute", limit: 1, window: "1m" });
  const claim = { scope: scopeOf("api", policy), key: "ada", policy, cost: 1 };

  it("uses the claim's scope if the store decides", () => {
    expect(entryKeyOf(claim, true)).toBe("api:minute:fixed-window:ada");
  });

  it("is the same for the claims of all policies otherwise", () => {
    expect(entryKeyOf(claim, false)).toBe("api:*::ada");
  });
});
