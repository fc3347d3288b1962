import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exportedKey, storedKeys } from "../../src/store/index.js";

const digest = (text: string) => createHash("sha256").update(Buffer.from(text, "utf16le")).digest("hex");
const keys = storedKeys(createHash);
const SCOPE = "api:default:token-bucket:";
const ODD = ["a\0b", "x".repeat(257), "\ud800", "#", "#a", `#${digest("\0")}`];

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({ minLength: 255, maxLength: 258 }),
  fc.constantFrom("", ":", "::", "a:b:c:d", "#a:b:c:d", "\0:b:c:d", `${"p".repeat(421)}:b:c:d`, "\ud800:b:c:d", ...ODD),
  fc.constantFrom(...ODD).map((key) => SCOPE + key),
);

describe("storedKeys", () => {
  it("does not change short and well-formed keys", () => {
    for (const key of ["192.0.2.1", "é😀", "x".repeat(256), "a#", ""]) {
      expect(keys.ofEntryKey(SCOPE + key)).toEqual({ scope: SCOPE, key });
    }
  });

  it.each(ODD)("stores the key %j as a digest, under the unchanged scope", (key) => {
    expect(keys.of(SCOPE, key)).toEqual({ scope: SCOPE, key: `#${digest(key)}` });
  });

  it.each(["#a:b:c:", "a\0:b:c:", "\ud800:b:c:", `${"x".repeat(420)}:b:c:`])(
    "stores the whole key with the scope %j as a digest",
    (scope) => expect(keys.of(scope, "key")).toEqual({ scope: "", key: `#${digest(`${scope}key`)}` }),
  );

  it("never gives two keys the same name, and uses only names of up to 2,041 bytes that UTF-8 preserves", () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        const [one, other] = [keys.ofEntryKey(a), keys.ofEntryKey(b)];
        expect(one.scope + one.key === other.scope + other.key).toBe(a === b);
        const bytes = Buffer.from(one.scope + one.key);
        expect(bytes.length).toBeLessThanOrEqual(2_041);
        expect(bytes.toString()).toBe(one.scope + one.key);
        expect(bytes).not.toContain(0);
      }),
      { numRuns: 5_000 },
    );
  });

  it("finds an exported entry by its key in every store", () => {
    fc.assert(
      fc.property(anyText, (entryKey) => {
        const { scope, key } = keys.ofEntryKey(entryKey);
        const exported = exportedKey(scope + key);
        expect(exported.digested ?? false).toBe(scope + key !== entryKey);
        expect(keys.ofExported(exported)).toEqual({ scope, key });
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    "",
    "#",
    `${SCOPE}user`,
    `${SCOPE}#${"A".repeat(64)}`,
    `${SCOPE}#${"a".repeat(65)}`,
    `${SCOPE}x#${"a".repeat(64)}`,
  ])("refuses %j as a digest", (key) => {
    const read = () => keys.ofExported({ key, digested: true });
    expect(read).toThrow(expect.objectContaining({ code: "DIGESTED_KEY" }));
    expect(read).toThrow("does not end in # and 64 hexadecimal digits: leave it out");
  });
});
