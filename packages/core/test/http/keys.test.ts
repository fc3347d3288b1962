import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRateLimit, type RateLimitOptionsOf } from "../../src/http/index.js";
import { compositeKey, hmacKey } from "../../src/index.js";
import { mapStore } from "./map-store.js";

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.stringMatching(/^[|\\a]*$/),
  fc.constantFrom("", "|", "\\", "\\|"),
);

describe("a composite key", () => {
  it("is readable", () => {
    expect(compositeKey("tenant-7", "192.0.2.1")).toBe("tenant-7|192.0.2.1");
    expect(compositeKey("2001:db8::/56")).toBe("2001:db8::/56");
  });

  it("never equals one of other parts", () => {
    const parts = fc.array(text, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(compositeKey(...a) === compositeKey(...b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 20_000 },
    );
  });

  it("refuses parts that are not strings", () => {
    const code = expect.objectContaining({ code: "INVALID_KEY" });
    for (const parts of [[], [undefined], ["a", 1], ["a", null], [["a"]]]) {
      expect(() => compositeKey(...(parts as string[]))).toThrow(code);
    }
    expect(() => compositeKey()).toThrow("the composite key has no parts: pass at least one string");
    expect(() => compositeKey("a", 7 as never)).toThrow("the composite key has 7 as part 2: its parts must be strings");
  });
});

describe("hmacKey", () => {
  const secret = "sixteen letters!";
  const utf16 = (of: string) => Buffer.from(of, "utf16le");

  it("is HMAC-SHA-256 of the code units", async () => {
    const hash = hmacKey(secret);
    for (const key of ["192.0.2.1", "ü☕\u0000", "x".repeat(10_000)]) {
      const expected = createHmac("sha256", utf16(secret)).update(utf16(key)).digest("base64url");
      expect(await hash(key)).toBe(expected);
      expect(await hash(key)).toBe(expected);
    }
  });

  it("distinguishes lone surrogates", async () => {
    const hash = hmacKey(secret);
    expect(await hash("\ud800")).not.toBe(await hash("\ud801"));
  });

  it("differs with another secret", async () => {
    expect(await hmacKey(`${secret}a`)("key")).not.toBe(await hmacKey(`${secret}b`)("key"));
  });

  it("contains no characters that are special in a URL or a shell", async () => {
    const hash = hmacKey(secret);
    for (let i = 0; i < 100; i++) {
      expect(await hash(String(i))).toBe(
        createHmac("sha256", utf16(secret))
          .update(utf16(String(i)))
          .digest("base64url"),
      );
    }
  });

  it("caches many keys of up to 256 characters", async () => {
    const hash = hmacKey(secret);
    const keys = [...Array.from({ length: 999 }, (_, i) => String(i)), "x".repeat(256)];
    for (const key of keys) await hash(key);
    expect(keys.filter((key) => typeof hash(key) !== "string")).toEqual([]);
  });

  it("answers synchronously for a cached key, and evicts old ones", async () => {
    const hash = hmacKey(secret);
    const first = await hash("0");
    expect(hash("0")).toBe(first);
    for (let i = 1; i <= 1_000; i++) await hash(String(i));
    expect(hash("0")).toBeInstanceOf(Promise);
    expect(await hash("0")).toBe(first);
    const long = "x".repeat(257);
    await hash(long);
    expect(hash(long)).toBeInstanceOf(Promise);
  });

  it("refuses a secret that can be guessed, without repeating it", () => {
    expect(() => hmacKey("fifteen letters")).toThrow('option "secret" must be a string of 16 characters or more');
    for (const bad of ["", "fifteen letters", undefined, 1234567890123456]) {
      expect(() => hmacKey(bad as string)).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION", message: expect.not.stringContaining("fifteen") }),
      );
    }
  });
});

describe("hashKey", () => {
  const guardOf = (options: RateLimitOptionsOf<string>, store = mapStore()) =>
    createRateLimit<string, never>(store, undefined, options, {
      method: () => "GET",
      header: () => undefined,
      address: (call) => call,
    });

  it("keeps addresses out of the store", async () => {
    const store = mapStore();
    await guardOf({ hashKey: hmacKey("sixteen letters!") }, store).check("192.0.2.1");
    expect(store.keys()).toEqual([expect.stringMatching(/^sluice:default:token-bucket:[\w-]{43}$/)]);
  });

  it("hashes the key of every policy", async () => {
    const store = mapStore();
    const guard = guardOf({ key: () => ({ default: "ada" }), hashKey: async (key) => `<${key}>` }, store);
    await guard.check("192.0.2.1");
    expect(store.keys()).toEqual(["sluice:default:token-bucket:<ada>"]);
  });

  it("hashes no part of a key by names if one part is invalid", async () => {
    const hashed: string[] = [];
    const hashKey = (key: string) => {
      hashed.push(key);
      return key;
    };
    const guard = guardOf({ key: () => ({ default: "ada", other: "" }), hashKey });
    await expect(async () => guard.check("192.0.2.1")).rejects.toThrow();
    expect(hashed).toEqual([]);
  });

  it("leaves the check of keys to the limiter", async () => {
    for (const bad of ["", undefined, null, 1, ["ada"], {}, { default: "" }, { default: 1 }]) {
      const guard = guardOf({ key: () => bad as string, hashKey: (key) => `<${key}>` });
      await expect(async () => guard.check("192.0.2.1")).rejects.toThrow(
        expect.objectContaining({ code: "INVALID_KEY" }),
      );
    }
    const empty = guardOf({ hashKey: () => "" });
    expect(() => empty.check("192.0.2.1")).toThrow(expect.objectContaining({ code: "INVALID_KEY" }));
  });
});
